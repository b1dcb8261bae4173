"""`python -m tests.assurance.compliance.removals`: each rule that refuses, taken out of each example (section 8.3).

What is probed of a manifest must not make a control better when one of its rules is gone. The measured checks are
taken to pass, to fail and to have no data.
"""

import asyncio
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
import yaml

from acs_sidecar.assurance.compliance.catalog import FRAMEWORKS, built_in
from acs_sidecar.assurance.compliance.checks import CHECKS
from acs_sidecar.assurance.compliance.probes.checks import probed_results
from acs_sidecar.assurance.compliance.vocabulary import CheckOutcome, ControlStatus, control_status
from acs_sidecar.cli.compliance.inputs import probed
from acs_sidecar.cli.manifests import known_manifests
from acs_sidecar.settings.tree import load_settings
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.startup import StartError
from tests.conftest import ROOT

__all__ = ["raised", "without_a_rule"]

_ORDER = (ControlStatus.NOT_ASSESSED, ControlStatus.NOT_MET, ControlStatus.PARTIAL, ControlStatus.MET)
_LETS_THROUGH = re.compile(r"""\ballow\b|\bpermit\b""")


def without_a_rule(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the text of a policy without each rule that does not let anything through, and how that begins."""
    text = path.read_text()
    rules: list[str] = []
    if path.suffix == ".rego":
        head, *rules = re.split(r"^(?=[a-z])(?!package|import)", text, flags=re.MULTILINE)
        rules = [head, *rules]
    elif path.suffix == ".cedar":
        rules = re.split(r"(?<=;)\n", text)
    for at, rule in enumerate(rules):
        refuses = not _LETS_THROUGH.search(rule) and ("forbid" in rule or path.suffix == ".rego")
        if refuses and (at or path.suffix == ".cedar"):
            yield "\n".join([*rules[:at], *rules[at + 1 :]]), rule.strip().split("\n")[0]
    document: Any = yaml.safe_load(text) if path.suffix in {".yaml", ".yml"} else None
    listed: Any = document.get("rules") if isinstance(document, dict) else None
    for at, rule in enumerate(listed if isinstance(listed, list) else ()):
        if not _LETS_THROUGH.search(str(rule)):
            rest = {**document, "rules": [*listed[:at], *listed[at + 1 :]]}
            yield yaml.safe_dump(rest, sort_keys=False), str(rule.get("name"))


def raised(before: dict[str, CheckOutcome], after: dict[str, CheckOutcome]) -> Iterator[str]:
    """Yield each control of a built-in framework that is better after than before."""
    for measured in CheckOutcome:
        then, now = (_statuses(outcomes, measured) for outcomes in (before, after))
        yield from (control for control in then if _ORDER.index(now[control]) > _ORDER.index(then[control]))


def _statuses(outcomes: dict[str, CheckOutcome], measured: CheckOutcome) -> dict[str, ControlStatus]:
    return {
        f"{framework} {control.id}": control_status(
            [(CHECKS[check].kind, outcomes.get(check, measured)) for check in control.checks],
            ceiling=bool(control.ceiling),
        )
        for framework in FRAMEWORKS
        for control in built_in(framework).controls
    }


def _probe(folder: Path) -> dict[str, CheckOutcome] | None:
    """Return what is probed of a manifest; nothing where it is invalid."""
    try:
        known = known_manifests(load_settings({}).settings, [folder])
    except (ManifestError, StartError, typer.Exit, SystemExit):
        return None
    manifests = [asyncio.run(probed(one)) for one in known.values()]
    results = asyncio.run(probed_results(manifests, lambda _: None))
    return {name: result.outcome for name, result in results.items()}


def main() -> int:
    """Print for each example how many rules were taken out, and each that made a control better; 1 where any did."""
    wrong = total = 0
    with tempfile.TemporaryDirectory() as place:
        copy = Path(shutil.copytree(ROOT / "manifests", Path(place) / "manifests"))
        for folder in sorted(copy.iterdir()):
            before = _probe(folder)
            if before is None:
                sys.exit(f"{folder.name} is invalid")
            removed = 0
            for path in sorted(
                each for each in folder.rglob("*") if each.is_file() and "tests" not in each.parts
            ):
                whole = path.read_bytes()
                for text, rule in without_a_rule(path):
                    path.write_text(text)
                    after = _probe(folder)
                    removed += after is not None
                    for control in raised(before, after or before):
                        wrong += 1
                        print(f"{folder.name}: without `{rule}` {control} is better")
                path.write_bytes(whole)
            total += removed
            print(f"{folder.name}: {removed} rules", flush=True)
    print(f"{total} rules taken out, {wrong} controls better")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
