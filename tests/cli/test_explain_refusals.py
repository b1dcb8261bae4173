"""`acs-sidecar validate --explain-refusals` over folders of somebody's policies."""

import re
from pathlib import Path

import pytest

from acs_sidecar.engines.rego.survey import REWRITES, survey
from tests.command import run
from tests.conftest import ROOT

pytestmark = pytest.mark.server

FILES = {
    "lib/limits.rego": "package lib.limits\nover(x) if x > 100\n",
    "agent.rego": "package agent\nimport data.lib.limits\nx if limits.over(input.n)\n",
    "old.rego": "package old\ndeny[msg] { msg := input.why }\n",
    "clock.rego": "package clock\nx := time.now_ns()\n",
    "clock_test.rego": "package clock_test\ntest_x { true }\n",
    "broken.rego": "package broken\nx := \n",
}


def test_a_folder_is_explained(tmp_path: Path) -> None:
    """Each file with the version it loads in, or what is wrong with it and how to write it instead."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    done = run(tmp_path, "validate", "--explain-refusals", str(tmp_path))
    assert done.returncode == 1
    lines = done.stdout.replace(f"{tmp_path}/", "").splitlines()
    assert lines[0] == "loads    agent.rego"
    assert lines[1] == "refused  broken.rego"
    assert re.fullmatch(r"  broken.rego:\d+:\d+: .* \[rego-syntax\]", lines[2])
    assert lines[3] == f"    instead: {REWRITES['rego-syntax']}"
    assert lines[4:] == [
        "refused  clock.rego",
        "  clock.rego:2:6: `time.now_ns` is not allowed: its value is not a function of its arguments "
        "[rego-nondeterministic]",
        f"    instead: {REWRITES['rego-nondeterministic']}",
        "loads    lib/limits.rego",
        "loads    old.rego  with `rego_version: 0`",
        "3 of 5 Rego files load",
    ]


def test_a_folder_of_which_all_loads_is_fine(tmp_path: Path) -> None:
    """The command ends with 0, and manifests beside the policies are validated as ever."""
    (tmp_path / "agent.rego").write_text("package agent\nx := 1\n")
    done = run(tmp_path, "validate", "--explain-refusals", str(tmp_path))
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "1 of 1 Rego files load")


def test_a_text_that_is_no_utf8_ends_the_command(tmp_path: Path) -> None:
    """It says which file."""
    (tmp_path / "a.rego").write_bytes(b"\xff")
    done = run(tmp_path, "validate", "--explain-refusals", str(tmp_path))
    assert done.returncode == 2
    assert f"{tmp_path}/a.rego: not UTF-8" in done.stderr


def test_a_policy_that_needs_another_says_so(tmp_path: Path) -> None:
    """What a file needs is compiled with it, and a finding there is the file's own too."""
    files = {"a": "package a\nx := data.b.y", "b": "package b\ny := nothing(1)"}
    assert [(one.name, one.version, [found.code for found in one.findings]) for one in survey(files)] == [
        ("a", None, ["rego-function-unknown"]),
        ("b", None, ["rego-function-unknown"]),
    ]


def test_a_file_of_version_1_is_not_explained_as_one_of_version_0() -> None:
    """The words of version 1 that a reading as version 0 finds say that it is none."""
    files = {"a": "package a\nx if { 1 in [1] }\ny := data.b.z", "b": 'package b\nz := $"{input.x}"'}
    assert [[found.code for found in one.findings] for one in survey(files)] == [["rego-syntax"]] * 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("deny[m] { true in input.xs; m := 1 }", "`in` is taken for a name here: import"),
        ("import rego.v1\ndeny[m] { m := 1 }", "write it, as a module that imports `rego.v1`"),
        ('import future.keywords.in\ndeny[m] { m := $"{input.x}" }', "is not read here: write `sprintf("),
    ],
)
def test_a_file_that_loads_in_no_version_is_explained_in_its_own(text: str, expected: str) -> None:
    """Braces without `if` say version 0, unless an import says 1."""
    (one,) = survey({"a": f"package a\n{text}"})
    assert expected in one.findings[0].message


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["nowhere"], "error: nowhere: no such file or folder"),
        (["empty"], "error: empty: no .rego file and no manifest here"),
        (["empty", "--format", "json"], "error: --explain-refusals prints text: leave out --format"),
    ],
)
def test_a_place_without_policies_is_an_error(tmp_path: Path, arguments: list[str], expected: str) -> None:
    """It ends with 2, so that a mistyped path is seen."""
    (tmp_path / "empty").mkdir()
    done = run(tmp_path, "validate", "--explain-refusals", *arguments)
    assert (done.returncode, done.stdout, done.stderr.strip()) == (2, "", expected)


def test_an_empty_file_is_named(tmp_path: Path) -> None:
    """The finding begins with the file."""
    (tmp_path / "a.rego").write_text("")
    done = run(tmp_path, "validate", "--explain-refusals", "a.rego")
    assert "  a.rego: the module `a.rego` must be Rego text [wrong-type]" in done.stdout.splitlines()


def test_every_refusal_of_a_rule_has_a_rewrite() -> None:
    """The codes of the analysis, but for those that are about files, data or the query, or warnings."""
    code = re.compile(r'"(rego-[a-z-]+)"')
    elsewhere = {
        "rego-data-replaces-rule",
        "rego-bundle-roots",
        "rego-package-reserved",
        "rego-number-digits",
        "rego-decision-unknown",
        "rego-input-unknown",
    }
    found: set[str] = set()
    for path in (ROOT / "app/acs_sidecar/engines/rego/analysis").glob("*.py"):
        found |= set(code.findall(path.read_text()))
    assert found - elsewhere <= REWRITES.keys()


@pytest.mark.parametrize("code", sorted(REWRITES))
def test_a_rewrite_is_one_line(code: str) -> None:
    """Lower case, no full stop."""
    text = REWRITES[code]
    assert text[0].islower()
    assert not text.endswith(".")
    assert "\n" not in text
