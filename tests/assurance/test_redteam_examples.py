"""The tables of the guide are what the examples give (section 8.4)."""

import json
import re
import subprocess

import pytest

from acs_sidecar.assurance.redteam.corpus import TECHNIQUES
from tests.assurance.redteam_manifests import ALLOW_ALL, report, write_manifest
from tests.conftest import COMMAND, ROOT, environment

GUIDE = (ROOT / "docs" / "redteam.md").read_text()
EXAMPLES = ROOT / "manifests"


def rows(heading: str) -> dict[str, list[str]]:
    """The cells of the table below a heading row, by the first cell."""
    _, _, rest = GUIDE.partition(f"| {heading} |")
    table, _, _ = rest.partition("\n\n")
    lines = [re.findall(r"[^|]+", line) for line in table.splitlines()[2:]]
    return {cells[0].strip(" `"): [cell.strip() for cell in cells[1:]] for cells in lines}


TOTALS = rows("example | ASR | utility")
BY_TECHNIQUE = rows(
    " | ".join(["technique", "none", *(f"`{name.removesuffix('-agent')}`" for name in TOTALS)])
)


@pytest.mark.slow
@pytest.mark.server
@pytest.mark.parametrize("name", sorted(TOTALS))
def test_an_example_stops_what_the_guide_says(name: str) -> None:
    """Attack success and utility of each example, plain attacks, in total and by technique."""
    arguments = ("redteam", "run", EXAMPLES / name, "--mutations", "none", "--format", "json")
    done = subprocess.run(
        [COMMAND, *arguments], env=environment(), capture_output=True, text=True, check=False
    )
    found = json.loads(done.stdout)
    assert TOTALS[name][:2] == [f"{found[rate]['value']:.2f}" for rate in ("asr", "utility")]
    column = [*TOTALS].index(name) + 1
    rates = {
        technique: "-" if each["value"] is None else f"{each['value']:.2f}"
        for technique, each in found["techniques"].items()
    }
    assert {technique: cells[column] for technique, cells in BY_TECHNIQUE.items()} == {
        technique: rates.get(technique, "-") for technique in TECHNIQUES
    }


def test_every_example_is_in_the_guide() -> None:
    """All that decide by a policy."""
    assert {path.name for path in EXAMPLES.iterdir()} - TOTALS.keys() == {"test-double"}


def test_without_its_rules_every_attack_passes(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The column of before: a policy that allows everything."""
    manifest = write_manifest(tmp_path_factory.mktemp("m") / "m", ALLOW_ALL)
    assert report(manifest, "--mutations", "none")["asr"]["value"] == 1
    assert {cells[0] for cells in BY_TECHNIQUE.values()} == {"1.00"}
