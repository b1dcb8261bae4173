"""The corpora are read as documented, the detectors keep what they reach on them, and stay linear."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from acs_sidecar.cli import cli
from acs_sidecar.detectors.corpus import CorpusError, judge, samples
from acs_sidecar.detectors.registry import DETECTORS, build_detector
from acs_sidecar.spec.values import Json
from bench.detectors import ADVERSARIAL, OBJECTS, filled, seconds
from tests.conftest import ROOT

CORPORA = ROOT / "tests" / "corpora"
PARTS = ("dev", "second", "heldout")
SMALL, LARGE = 1 << 14, 1 << 18
MOST_GROWTH = 80
"""Times as long for a text that is 16 times as long; what passes it once is measured again."""
FLOORS = {"dev": (0.98, 0.98), "second": (0.95, 0.86), "heldout": (0.95, 0.9)}
"""Precision and recall that no change may fall below; the held-out part is not tuned for."""


def _run(*arguments: str, given: str = "") -> Result:
    return CliRunner().invoke(cli, arguments, input=given, env={"COLUMNS": "200"})


def _samples(provider: str, part: str, kind: str) -> list[Any]:
    return list(samples((CORPORA / provider / f"{part}-{kind}.txt").read_text()))


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("provider", DETECTORS)
def test_a_detector_keeps_its_precision_and_recall(provider: str, part: str) -> None:
    """On each part of its corpus."""
    options = CORPORA / provider / "options.json"
    detector = build_detector(provider, "a", json.loads(options.read_text()) if options.exists() else {})
    judged = judge(detector, _samples(provider, part, "benign"), _samples(provider, part, "hostile"))
    precision, recall = FLOORS[part]
    assert judged.precision >= precision, judged.wrongly_flagged
    assert judged.recall >= recall, judged.missed


def test_the_corpora_are_large_enough() -> None:
    """At least 930 benign and 930 hostile samples, and none twice."""
    for kind in ("benign", "hostile"):
        found = [
            json.dumps(sample)
            for provider in DETECTORS
            for part in PARTS
            for sample in _samples(provider, part, kind)
        ]
        assert len(found) >= 930
        assert len(set(found)) >= len(found) - 5  # some texts are ordinary to several detectors


@pytest.mark.slow
@pytest.mark.parametrize("provider", DETECTORS)
def test_time_grows_with_the_length_of_the_text(provider: str) -> None:
    """Sixteen times the text takes about sixteen times as long, not 256 times, whatever it says."""
    detector = build_detector(provider, "a", {})
    texts: dict[str, Callable[[int], Json]] = {
        name: partial(filled, text) for name, text in ADVERSARIAL.items()
    }

    def slower(make: Callable[[int], Json], rounds: int) -> float:
        large, small = (seconds(detector, make(size), rounds) for size in (LARGE, SMALL))
        return large / max(small, 0.000_2)

    suspects = {name: make for name, make in {**texts, **OBJECTS}.items() if slower(make, 1) > MOST_GROWTH}
    ratios = {name: slower(make, 5) for name, make in suspects.items()}
    assert {name: ratio for name, ratio in ratios.items() if ratio > MOST_GROWTH} == {}


@pytest.mark.parametrize(
    ("line", "sample"),
    [
        ("as it is", "as it is"),
        ('{"text": "a\\nb"}', "a\nb"),
        ('{"value": [1]}', [1]),
        ('{"parts": ["a", "b"]}', "ab"),
        ('{"encoded": ["base64", "abc"], "around": "x {} y"}', "x YWJj y"),
        ('{"encoded": ["tags", "a"]}', "\U000e0061"),
    ],
)
def test_a_line_is_a_sample(line: str, sample: Any) -> None:
    """Plain, or in one of the forms that keep what cannot be written plainly."""
    assert samples(f"{line}\n\n") == [sample]


@pytest.mark.parametrize("line", ["{", '{"other": 1}', '{"encoded": ["x", "y"]}', '{"parts": 1}'])
def test_a_line_that_is_no_sample_is_named(line: str) -> None:
    """With its number and what may stand there."""
    with pytest.raises(
        CorpusError, match=r"^line 2 is not a sample: must be a string, or an object with `text`"
    ):
        samples(f"a\n{line}")


def test_the_table_of_a_corpus(tmp_path: Path) -> None:
    """`detectors` measures a user's own corpus, and lists on request what went wrong."""
    folder = tmp_path / "pii"
    folder.mkdir()
    (folder / "own-benign.txt").write_text("hello\njo@example.com\n")
    (folder / "own-hostile.txt").write_text("jo@example.org\nnothing here\n")
    row = {"provider": "pii", "part": "own", "benign": 2, "hostile": 2, "precision": 0.5, "recall": 0.5}
    assert json.loads(_run("detectors", str(tmp_path)).stdout) == [row]
    wrong = {"missed": ["nothing here"], "wrongly_flagged": ["jo@example.com"]}
    assert json.loads(_run("detectors", str(tmp_path), "--errors").stdout) == [row | wrong]
    table = _run("detectors", str(tmp_path), "--errors", "--format", "table").stdout
    assert 'pii own missed: "nothing here"' in table
    assert "0.500" in table


def test_what_cannot_be_measured_is_said(tmp_path: Path) -> None:
    """An empty folder, half a corpus, and a bad line end the command with exit code 2."""
    done = _run("detectors", str(tmp_path))
    assert (done.exit_code, done.stderr.partition(";")[0]) == (
        2,
        f"error: {tmp_path}: holds no `PROVIDER/PART-benign.txt`",
    )
    (tmp_path / "pii").mkdir()
    (tmp_path / "pii" / "a-benign.txt").write_text("{")
    done = _run("detectors", str(tmp_path))
    assert done.stderr.startswith(f"error: {tmp_path}/pii/a-benign.txt: line 1 is not a sample")
    (tmp_path / "pii" / "a-benign.txt").write_text("x")
    done = _run("detectors", str(tmp_path))
    assert done.stderr == f"error: {tmp_path}/pii/a-hostile.txt: No such file or directory\n"


def test_detect_prints_an_annotation() -> None:
    """The exit code says whether something was flagged."""
    done = _run("detect", "--provider", "pii", "-", given="to jo@example.com")
    assert done.exit_code == 1
    assert json.loads(done.stdout)["redacted"] == "to [email]"
    assert _run("detect", "--provider", "pii", "-", given="hello").exit_code == 0
    done = _run("detect", "--provider", "shell_risk", "--json", "-", given='["rm", "-rf", "/"]')
    assert json.loads(done.stdout)["categories"] == ["destructive"]
    options = '{"allow": ["a.example"]}'
    done = _run("detect", "--provider", "egress", "--options", options, "-", given="https://b.example")
    assert json.loads(done.stdout)["categories"] == ["not_allowed"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--provider", "x", "-"], "error: --provider: `x` is not known; must be one of `egress`, "),
        (["--provider", "pii", "--options", "[]", "-"], "error: --options must be a JSON object"),
        (
            ["--provider", "pii", "--options", '{"x": 1}', "-"],
            "error: options.x: unknown member; must be one of ",
        ),
        (["--provider", "pii", "--json", "-"], "error: -: not JSON"),
        (["--provider", "pii", "/nowhere"], "error: /nowhere: No such file or directory"),
    ],
)
def test_detect_says_what_it_cannot_do(arguments: list[str], message: str) -> None:
    """Exit code 2, and one line."""
    done = _run("detect", *arguments, given="{")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(message)
