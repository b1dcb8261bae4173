"""`acs-sidecar audit bom`, on real logs of a real manifest (section 8.2)."""

import base64
import json
import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from acs_sidecar.assurance.dsse import pre_authentication
from acs_sidecar.audit.log.directory import LogDirectory
from tests.assurance.recorded import Recorded, payment, recorded
from tests.audit.log.logs import KEY, OTHER_KEY, newest
from tests.cli.audit.verbs import found, run

PLAIN, DOUBTED, NAMELESS = 0, 1, 2
SNAPSHOTS = [
    payment(),
    payment(trust=None),
    payment(agent={"trust_score": 800}),
    payment(trace="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", intent={"id": "order-7"}),
    payment(900, agent={"id": "agent-7", "trust_score": 1, "delegation_chain": ["a", "b"]}),
]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """Record five decisions and a refusal, once."""
    return recorded(tmp_path_factory.mktemp("bom"), SNAPSHOTS)


@pytest.fixture(autouse=True)
def _unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("ACS_")]:
        monkeypatch.delenv(name)


def bom(place: Recorded, *arguments: str, key: str = "key.pem") -> Result:
    """Run the verb on the log of a place."""
    folder = place.folder
    return run("bom", *arguments, "--audit", str(folder / "audit"), "--key", str(folder / key))


def bom_of(place: Recorded, number: int, *arguments: str) -> dict[str, Any]:
    """Return the BOM of a decision by its number."""
    result = bom(place, place.records()[number]["record_id"], *arguments)
    assert result.exit_code == 0, result.stderr
    return found(result)


def value_of(bom: dict[str, Any], name: str) -> Any:
    """Return the value of a field, `None` where it is not there."""
    return next((one["value"] for one in bom["fields"] if one["name"] == name), None)


def test_rebuilds_a_decision_from_the_log_alone(place: Recorded) -> None:
    """A trust score is never recorded: four of five required fields, all under the log's signature."""
    described = bom_of(place, PLAIN)
    assert (described["completeness_score"], described["proven"]) == (0.8, 1.0)
    assert described["missing"] == ["trust_score_at_decision"]
    assert described["action_requested"] == "pre_tool_call:pay"
    assert described["outcome"] == "allow"
    assert described["replay"] == {"outcome": "not_possible", "why": "no snapshot was given"}
    assert value_of(described, "session_context") == {"session_id": "s-1", "tenant_id": "t-1"}
    last = json.loads(newest(place.folder / "audit").segments()[0][1].read_bytes().splitlines()[-1])
    assert described["reconstructed_at"] == last["time"]


@pytest.mark.parametrize(
    ("number", "score", "missing"),
    [(PLAIN, 1.0, []), (DOUBTED, 0.8, ["trust_score_at_decision"]), (NAMELESS, 0.8, ["agent_identity"])],
)
def test_a_proven_snapshot_adds_what_it_holds(
    place: Recorded, number: int, score: float, missing: list[str]
) -> None:
    """A snapshot that hashes to the record's identity counts in full; the decision comes out the same."""
    snapshot = place.snapshot(SNAPSHOTS[number])
    described = bom_of(place, number, "--snapshot", snapshot, "--manifests", str(place.folder / "manifests"))
    assert (described["completeness_score"], described["proven"]) == (score, 1.0)
    assert described["missing"] == missing
    assert described["replay"] == {"outcome": "same", "why": None}
    assert value_of(described, "policy_rules_evaluated")["rules"][0]["rule"] == "data.p.v"
    assert described["sources_queried"] == ["log", "snapshot", "manifest"]


def test_an_agent_without_a_name_is_missing(place: Recorded) -> None:
    """Neither identity nor trust score: three of five."""
    described = bom_of(place, NAMELESS)
    assert described["completeness_score"] == 0.6
    assert described["missing"] == ["agent_identity", "trust_score_at_decision"]


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({"agent": {"id": "agent-7", "trust_score": 801}}, "its policy input hashes to sha256:"),
        ({"agent": {"id": "agent-8", "trust_score": 800}}, "its policy input hashes to sha256:"),
        ({"more": None}, "its policy input hashes to sha256:"),
    ],
)
def test_another_snapshot_is_refused(place: Recorded, change: dict[str, Any], detail: str) -> None:
    """One byte of it changed: no BOM, exit 1."""
    snapshot = place.snapshot(payment(**change))
    arguments = ("--snapshot", snapshot, "--manifests", str(place.folder / "manifests"))
    result = bom(place, place.records()[PLAIN]["record_id"], *arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(
        f"error: --snapshot {snapshot}: it is not the snapshot of this record: {detail}"
    )


def test_a_failed_decision_has_no_provable_snapshot(place: Recorded) -> None:
    """Without an identity in the record a snapshot is refused; the log alone has what it has."""
    record = place.records()[-1]
    assert record["error_class"] == "runtime_error"
    result = bom(place, record["record_id"], "--snapshot", place.snapshot(payment()))
    assert result.exit_code == 1
    assert result.stderr.endswith("the record has no `input_identity`: no snapshot can be proven\n")
    assert bom_of(place, -1)["outcome"] == "deny"


def test_a_snapshot_needs_the_manifest(place: Recorded) -> None:
    """The paths of the manifest are part of the policy input: without it nothing can be said, exit 2."""
    result = bom(place, place.records()[PLAIN]["record_id"], "--snapshot", place.snapshot(payment()))
    assert result.exit_code == 2
    digest = place.records()[PLAIN]["manifest_digest"]
    assert f"the manifest {digest} is needed to rebuild the policy input: set --manifests" in result.stderr


def test_an_included_policy_input_needs_no_manifest(place: Recorded) -> None:
    """What a response included as `policy_input` hashes to the identity as it is."""
    snapshot = payment()
    policy_input = {
        "intervention_point": "pre_tool_call",
        "policy_target": {
            "kind": None,
            "path": "$.tool_call.args",
            "value": snapshot["tool_call"]["args"],
        },
        "snapshot": snapshot,
        "annotations": {},
        "tool": {"name": "pay"},
    }
    described = bom_of(place, PLAIN, "--snapshot", place.snapshot(policy_input))
    assert described["completeness_score"] == 1.0
    assert described["replay"]["why"] == "no manifest of the record's digest was given"
    target = value_of(described, "resource_target")
    assert (target["path"], "value" in target) == ("$.tool_call.args", False)
    shown = bom_of(place, PLAIN, "--snapshot", place.snapshot(policy_input), "--show-values")
    assert value_of(shown, "resource_target")["value"] == snapshot["tool_call"]["args"]


@pytest.mark.parametrize(
    ("caller", "callers", "confidence"),
    [
        (None, None, 0.5),
        ("host", None, 0.8),
        ("host", "agents: [agent-*]", 1.0),
        ("host", "agents: [other-*]", 0.8),
        ("host", "inline: false", 0.8),
    ],
)
def test_confidence_in_an_identity(
    tmp_path: Path, caller: str | None, callers: str | None, confidence: float
) -> None:
    """Nobody's word, a caller's word, and the word of a caller that the operator binds to the agent."""
    place = recorded(tmp_path, [payment()], caller)
    (tmp_path / "callers.yaml").write_text(
        f'callers:\n  host: {{token_sha256: "{"0" * 64}", scopes: [evaluate], {callers}}}\n'
    )
    arguments = ("--callers", str(tmp_path / "callers.yaml")) if callers else ()
    identity = bom_of(place, 0, *arguments)["fields"][0]
    assert (identity["name"], identity["confidence"]) == ("agent_identity", confidence)
    assert identity["value"] == {"agent_id": "agent-7", "caller": caller}


def test_a_replay_that_differs_is_exit_1(tmp_path: Path) -> None:
    """A record that claims another decision than its snapshot leads to is shown, and is exit 1."""
    place = recorded(tmp_path, [payment(900)], decision="allow", reason=None)
    arguments = ("--snapshot", place.snapshot(payment(900)), "--manifests", str(tmp_path / "manifests"))
    result = bom(place, place.records()[0]["record_id"], *arguments)
    assert result.exit_code == 1
    assert found(result)["replay"] == {"outcome": "different", "why": "`decision`, `reason` differ"}


def test_finds_decisions_by_trace_and_session_and_agent(place: Recorded) -> None:
    """`envelope.trace` is in the record; several decisions are a list, in the order of the log."""
    (traced,) = json.loads(bom(place, "--trace", "4bf92f3577b34da6a3ce929d0e0e4736").stdout)
    assert value_of(traced, "otel_trace_id") == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert len(found(bom(place, "--session", "s-1"))) == 5
    by_agent = json.loads(bom(place, "--agent", "agent-7", "--since", "2020-01-01").stdout)
    assert [one["outcome"] for one in by_agent] == ["allow", "allow", "allow", "escalate"]
    similar = value_of(by_agent[-1], "similar_past_decisions")
    assert [one["decision"] for one in similar] == ["allow"] * 3
    assert [one["index"] for one in similar] == sorted((one["index"] for one in similar), reverse=True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "exactly one of a record ID, --trace, --session and --agent is needed"),
        (("x", "--trace", "y"), "exactly one of a record ID, --trace, --session and --agent is needed"),
        (("--agent", "x"), "--agent needs --since: set from when on its decisions are wanted"),
        (("nobody",), "no decision has this record_id"),
        (("--agent", "agent-7", "--since", "2999-01-01"), "no decision has this agent_id"),
    ],
)
def test_what_cannot_be_found_is_exit_2(place: Recorded, arguments: tuple[str, ...], message: str) -> None:
    """Nothing found, or nothing to look for."""
    result = bom(place, *arguments)
    assert (result.exit_code, result.stderr) == (2, f"error: {message}\n")


def changed_record(log: LogDirectory, lines: list[bytes]) -> list[bytes]:
    """Change one byte of a record."""
    return [lines[0], lines[1].replace(b"agent-7", b"agent-9", 1), *lines[2:]]


def no_json(log: LogDirectory, lines: list[bytes]) -> list[bytes]:
    """Put something else before the record that is looked for."""
    return [*lines[:4], b"not JSON " + lines[4], *lines[5:]]


def removed(log: LogDirectory, lines: list[bytes]) -> list[bytes]:
    """Remove a record."""
    return [*lines[:2], *lines[3:]]


def swapped(log: LogDirectory, lines: list[bytes]) -> list[bytes]:
    """Swap two records."""
    return [lines[0], lines[2], lines[1], *lines[3:]]


def truncated(log: LogDirectory, lines: list[bytes]) -> list[bytes]:
    """Cut off the end."""
    return lines[:-2]


def forged_checkpoint(log: LogDirectory, lines: list[bytes]) -> list[bytes]:
    """Change the signature of the newest checkpoint."""
    note = log.checkpoint.read_bytes()
    log.checkpoint.write_bytes(note[:-8] + b"AAAA" + note[-4:])
    return lines


def no_checkpoints(log: LogDirectory, lines: list[bytes]) -> list[bytes]:
    """Remove the kept checkpoints."""
    for _, path in log.checkpoint_files():
        path.unlink()
    return lines


@pytest.mark.parametrize(
    ("change", "property_"),
    [
        (changed_record, "checkpoint-root at index 1"),
        (no_json, "record-form at index 4"),
        (removed, "checkpoint-root at index 2"),
        (swapped, "checkpoint-root at index 1"),
        (truncated, "record-present at index 6"),
        (forged_checkpoint, "checkpoint-"),
        (no_checkpoints, "checkpoint-order at index 0"),
    ],
)
def test_a_log_that_was_changed_has_no_bom(
    tmp_path: Path, change: Callable[[LogDirectory, list[bytes]], list[bytes]], property_: str
) -> None:
    """Whatever record was touched, and whichever is asked for: exit 1 and nothing on the output."""
    place = recorded(tmp_path, SNAPSHOTS)
    record = place.records()[3]["record_id"]
    log = newest(tmp_path / "audit")
    path = log.segments()[0][1]
    path.write_bytes(b"".join(change(log, path.read_bytes().splitlines(keepends=True))))
    result = bom(place, record)
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"error: the log is unsound: {log.origin}: {property_}" in result.stderr


@pytest.mark.parametrize("key", [OTHER_KEY.verifier_key("acs"), KEY.verifier_key("other")])
def test_no_other_key_is_trusted(place: Recorded, key: Any) -> None:
    """A wrong verifier key, or the right one for other logs: exit 1."""
    record = place.records()[0]["record_id"]
    result = run("bom", record, "--audit", str(place.folder / "audit"), "--key", str(key))
    assert (result.exit_code, result.stdout) == (1, "")
    assert "checkpoint-signature: checkpoint: no trusted key signed it" in result.stderr


def test_the_receipt_verifies(place: Recorded, tmp_path: Path) -> None:
    """The receipt in a BOM is one that `audit verify --receipt` takes."""
    described = bom_of(place, PLAIN)
    (tmp_path / "receipt.json").write_text(json.dumps(described["receipt"]))
    key = str(place.folder / "key.pem")
    assert run("verify", "--receipt", str(tmp_path / "receipt.json"), "--key", key).exit_code == 0


def test_a_signed_statement_names_the_record(place: Recorded) -> None:
    """The subject is the line by its SHA-256; the envelope's signature covers type and payload."""
    record = place.records()[PLAIN]["record_id"]
    signed = found(bom(place, record, "--format", "intoto", "--sign", str(place.folder / "sign.pem")))
    payload = base64.b64decode(signed["payload"])
    signature = base64.b64decode(signed["signatures"][0]["sig"])
    public = OTHER_KEY.private.public_key()
    public.verify(signature, pre_authentication(payload, signed["payloadType"]))
    assert pre_authentication(b"hello world", "http://example.com/HelloWorld") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )
    statement = json.loads(payload)
    line = statement["predicate"]["receipt"]["record"].encode()
    assert statement["subject"][0]["digest"]["sha256"] == sha256(line).hexdigest()
    assert statement["predicateType"] == "urn:acs-sidecar:decision-bom:v1"


def test_the_key_of_the_log_signs_nothing_else(place: Recorded) -> None:
    """A trusted key of the log is refused as the signer of a report."""
    key = place.folder / "audit-key.pem"
    key.write_bytes((place.folder / "sign.pem").read_bytes())
    arguments = ("bom", "x", "--audit", str(place.folder / "audit"), "--key", str(key), "--sign", str(key))
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith("error: --sign: this key signs the log")


@pytest.mark.parametrize("form", ["json", "intoto", "markdown"])
def test_the_same_log_gives_the_same_bytes(place: Recorded, form: str) -> None:
    """Two runs print the same, in every format."""
    record = place.records()[PLAIN]["record_id"]
    first, second = (bom(place, record, "--format", form).stdout for _ in range(2))
    assert first == second


def test_markdown_shows_hostile_text_as_text(tmp_path: Path) -> None:
    """Markup, bars and control characters of an agent's name stay in their cell."""
    name = "a|b`c\n# <b>\x1b[2J\u202e](http://x)"
    place = recorded(tmp_path, [payment(agent={"id": name})])
    text = bom(place, place.records()[0]["record_id"], "--format", "markdown").stdout
    assert text.isprintable() or set(filter(lambda one: not one.isprintable(), text)) == {"\n"}
    rows = [line for line in text.splitlines() if line.startswith("| agent ")]
    assert rows == [r"| agent | ``a\u007cb`c\n# <b>\x1b[2J\u202e](http://x)`` |"]
