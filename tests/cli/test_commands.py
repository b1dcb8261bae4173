"""Section 3.4: the commands, as a person or a script would run them."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer import BadParameter, Context
from typer.main import get_command

from acs_sidecar.cli import cli
from tests.command import run
from tests.conftest import ROOT, environment
from tests.decision.test_explanation import POLICIES, manifest, snapshot

pytestmark = pytest.mark.server

MANIFEST: dict[str, Any] = {
    "agent_control_specification_version": "0.3.1-beta",
    "policies": {
        "p": {
            "type": "test",
            "output": {"decision": "transform", "transform": {"path": "$policy_target", "value": 1}},
        }
    },
    "limits": {"policy_timeout_ms": 999_999},
    "intervention_points": {"input": {"policy_target": "$", "policy": {"id": "p"}}},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one valid manifest, one that is not, and a snapshot."""
    (tmp_path / "good.json").write_text(json.dumps(MANIFEST))
    (tmp_path / "bad.yaml").write_text("agent_control_specification_version: 0.3.1-beta\npolices: {}\n")
    (tmp_path / "snapshot.json").write_text('{"a": 1}')
    return tmp_path


def test_evaluate_prints_what_the_service_answers(folder: Path) -> None:
    """The same JSON as the service, from a file or from standard input."""
    arguments = ("evaluate", "--manifest", "good.json", "--point", "input", "--snapshot")
    from_file = run(folder, *arguments, "snapshot.json")
    from_input = run(folder, *arguments, "-", given='{"a": 1}')
    body = json.loads(from_file.stdout)
    assert (from_file.returncode, from_file.stderr) == (0, "")
    assert (body["verdict"]["decision"], body["transformed_policy_target"]) == ("transform", 1)
    assert json.loads(from_input.stdout) == body


@pytest.mark.parametrize(("fail_on", "code"), [(["transform"], 1), (["deny", "transform"], 1), (["deny"], 0)])
def test_evaluate_can_fail_on_a_verdict(folder: Path, fail_on: list[str], code: int) -> None:
    """A script stops at the verdicts that it names; the answer is printed all the same."""
    arguments = ("evaluate", "--manifest", "good.json", "--point", "input", "--snapshot", "snapshot.json")
    done = run(folder, *arguments, *(part for name in fail_on for part in ("--fail-on", name)))
    assert (done.returncode, done.stderr) == (code, "")
    assert json.loads(done.stdout)["verdict"]["decision"] == "transform"


def test_evaluate_shows_a_table_and_includes(folder: Path) -> None:
    """A person reads a table; `--include` adds what the service would."""
    arguments = ("evaluate", "--manifest", "good.json", "--point", "input", "--snapshot", "snapshot.json")
    table = run(folder, *arguments, "--format", "table").stdout
    assert "transform" in table
    assert "{" not in table.splitlines()[0]
    body = json.loads(run(folder, *arguments, "--include", "policy_input", "--include", "trace").stdout)
    assert body["policy_input"]["snapshot"] == {"a": 1}
    assert body["trace"]["policy_type"] == "test"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--manifest", "bad.yaml", "--snapshot", "snapshot.json"), "polices: unknown member"),
        (("--manifest", "none.yaml", "--snapshot", "snapshot.json"), "is not a file or directory"),
        (("--manifest", "good.json", "--snapshot", "none.json"), "--snapshot none.json: No such file"),
        (
            ("--manifest", "good.json", "--snapshot", "bad.yaml"),
            "--snapshot bad.yaml: the file is not valid JSON",
        ),
        (
            ("--manifest", "good.json", "--snapshot", "snapshot.json", "--include", "receipt"),
            "--include must be",
        ),
    ],
)
def test_evaluate_that_cannot_run_exits_2(folder: Path, arguments: tuple[str, ...], message: str) -> None:
    """What is missing or wrong is said on the error stream."""
    done = run(folder, "evaluate", "--point", "input", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr


def test_validate_reports_every_finding(folder: Path) -> None:
    """Exit 1 when one is invalid, with the place of each finding; a clamped limit is a warning."""
    done = run(folder, "validate", "good.json", "bad.yaml")
    good, bad = json.loads(done.stdout)
    assert done.returncode == 1
    assert (good["valid"], [finding["code"] for finding in good["diagnostics"]]) == (True, ["limit-clamped"])
    assert bad["valid"] is False
    first = bad["diagnostics"][0]
    assert (first["path"], first["line"], first["column"], first["source"]) == ("polices", 2, 1, "bad.yaml")
    assert run(folder, "validate", "good.json").returncode == 0


def test_validate_speaks_to_people(folder: Path) -> None:
    """As a table, findings are lines with their place and a word for the outcome."""
    done = run(folder, "validate", "bad.yaml", "--format", "text")
    assert done.returncode == 1
    assert "bad.yaml:2:1: polices: unknown member" in done.stderr
    assert done.stdout.startswith("invalid")


def test_digest_is_the_same_for_yaml_and_json(folder: Path) -> None:
    """The digest is of the content, not of the text."""
    lines = [f"{name}: {json.dumps(value)}" for name, value in reversed(MANIFEST.items())]
    (folder / "good.yaml").write_text("# a comment\n" + "\n".join(lines))
    first, second = (run(folder, "digest", name).stdout for name in ("good.json", "good.yaml"))
    assert first == second
    assert first.startswith("sha256:")


def test_config_tells_where_each_value_came_from(folder: Path) -> None:
    """The effective settings with their sources; a fault is named."""
    rows = json.loads(run(folder, "config", ACS_PORT="1234").stdout)
    by_name = {row["name"]: (row["value"], row["source"]) for row in rows}
    assert by_name["ACS_PORT"] == (1234, "environment")
    assert by_name["ACS_HOST"] == ("127.0.0.1", "default")
    assert by_name["ACS_LIMIT_POLICY_TIMEOUT_MS"] == (1_000, "default")
    done = run(folder, "config", ACS_PROT="1")
    assert (done.returncode, done.stderr) == (
        2,
        "error: ACS_PROT: unknown setting; run `acs-sidecar config` to list all settings\n",
    )


def test_openapi_prints_the_checked_in_document(folder: Path) -> None:
    """What the command prints is what is checked in."""
    assert run(folder, "openapi").stdout == (ROOT / "openapi" / "openapi.json").read_text()


@pytest.mark.parametrize(
    ("annotator", "loaded"),
    [
        ({"type": "classifier", "provider": "pii"}, "False"),
        ({"type": "endpoint", "url": "http://[::1]:1"}, "True"),
    ],
)
def test_only_who_calls_servers_loads_an_http_client(
    tmp_path: Path, annotator: dict[str, str], loaded: str
) -> None:
    """aiohttp takes long to load: it is what a manifest that names a server costs, not every command and worker."""
    point = {**MANIFEST["intervention_points"]["input"], "annotations": {"a": {"from": "$policy_target"}}}
    manifest = {**MANIFEST, "annotators": {"a": annotator}, "intervention_points": {"input": point}}
    (tmp_path / "m.json").write_text(json.dumps(manifest))
    program = (
        "import sys, acs_sidecar.server.worker; from acs_sidecar.cli import cli; cli(['validate', 'm.json'], standalone_mode=False)\n"
        "print('aiohttp' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout.splitlines()[-1:], done.stderr) == ([loaded], "")


@pytest.mark.parametrize(
    "verb", ["serve", "evaluate", "validate", "test", "digest", "config", "openapi", "schema"]
)
def test_help_teaches(folder: Path, verb: str) -> None:
    """Every verb explains itself and its options."""
    done = run(folder, verb, "--help")
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) >= 8
    assert verb in run(folder, "--help").stdout


@pytest.mark.parametrize("words", [["evaluate"], ["test"], ["token"], ["digest"], ["audit", "verify"]])
def test_the_example_of_a_verb_is_a_command_line_that_it_takes(words: list[str]) -> None:
    """Help shows an example, with options that exist."""
    command: Any = get_command(cli)
    for word in words:
        command = command.get_command(Context(command), word)
    (example,) = re.findall(r"Example: `acs-sidecar (.*)`", command.help)
    arguments = shlex.split(example)
    assert arguments[: len(words)] == words
    command.make_context(words[-1], arguments[len(words) :])


def test_evaluate_explains(tmp_path: Path) -> None:
    """JSON has what the service would add; the table says what decided and what stopped the others."""
    value = manifest("all", POLICIES)
    (tmp_path / "m.json").write_text(json.dumps(value))
    (tmp_path / "s.json").write_text(json.dumps(snapshot(kind="pay", amount=50)))
    arguments = ("evaluate", "--manifest", "m.json", "--point", "input", "--snapshot", "s.json", "--explain")
    told = json.loads(run(tmp_path, *arguments).stdout)["explain"]
    assert [one["policy"] for one in told["policy"]["policies"]] == ["rego", "cedar", "rules", "fixed"]
    table = run(tmp_path, *arguments, "--format", "table", COLUMNS="200").stdout
    for line in (
        r"policy rego: allow",
        r"  p\.rego:4 +reached 5; not reached 4, 6",
        r"big \(policies\.cedar\.policy_set:2\) +forbid does not decide: `.*> 100` is false",
        r"team/pay \(.*\) +does not apply: `input\.amount > 100 or input\.x` is false",
        r"team/ask \(.*\) +require_approval applies",
        r"always +output",
        r"policy_target +[0-9.]+ µs",
    ):
        assert re.search(line, table), line


def _fractions(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield each option of a number with a point, and the words of its command."""
    for name in command.list_commands(Context(command)) if hasattr(command, "list_commands") else ():
        yield from _fractions(command.get_command(Context(command), name), (*path, name))
    yield from ((path, option) for option in command.params if option.type.name.startswith("float"))


def test_no_option_takes_what_is_not_a_number() -> None:
    """`nan` lies in every range, and nothing exceeds it: a threshold that holds nothing."""
    options = [*_fractions(get_command(cli))]
    assert len(options) >= 3
    for path, option in options:
        with pytest.raises(BadParameter, match="`nan` is not a number"):
            option.process_value(Context(get_command(cli)), "nan")
            pytest.fail(f"{path} {option.opts}")
