"""`acs-sidecar audit verify` and `key`, on real logs (section 4.5)."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from acs_sidecar.audit.log.directory import find_logs
from acs_sidecar.audit.read.reader import AuditReader
from tests.audit.log.logs import KEY, OTHER_KEY, newest
from tests.cli.audit.verbs import changed, found, run


def test_verifies_an_audit_directory(place: Path) -> None:
    """Untouched logs are sound: exit 0, and the report as JSON in a pipe."""
    result = run("verify", str(place), "--key", "key.pem")
    report = found(result)
    assert result.exit_code == 0
    assert (report["status"], report["anchored"], report["records"]) == ("sound", False, 12)


def test_names_what_was_manipulated(place: Path) -> None:
    """A changed record is named with its log and index: exit 1."""
    log = newest(place)
    changed(log)
    result = run("verify", str(place), "--key", "key.pem")
    assert result.exit_code == 1
    (finding,) = [one for report in found(result)["logs"] for one in report["findings"]]
    assert (finding["log"], finding["property"], finding["index"]) == (log.origin, "checkpoint-root", 2)


def test_verifies_the_configured_directory(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a path it is the directory that `show`, `export` and the service use."""
    named = run("verify", str(place), "--key", "key.pem")
    assert found(run("verify", "--key", "key.pem")) == found(named)
    monkeypatch.setenv("ACS_AUDIT_DIR", str(place / "none"))
    none = run("verify", "--key", "key.pem")
    assert (none.exit_code, none.stderr) == (2, f"error: no audit log exists at {place / 'none'}\n")


@pytest.mark.parametrize("order", [1, -1])
def test_a_copy_does_not_vouch_for_a_log(place: Path, tmp_path: Path, order: int) -> None:
    """Two copies of one log are not verified together: the one would hide what was done to the other."""
    copy = tmp_path / "copy"
    shutil.copytree(place, copy)
    changed(newest(place))
    result = run("verify", *[str(place), str(copy)][::order], "--key", "key.pem")
    assert result.exit_code == 2
    origin = find_logs(place)[0].origin
    assert (
        result.stderr == f"error: the log {origin} was given twice: verify its copies one after the other\n"
    )
    assert run("verify", str(place), str(place / "acs"), "--key", "key.pem").exit_code == 1


def test_names_what_would_write_on_the_terminal(place: Path) -> None:
    """What an attacker put into a checkpoint is written out in a finding."""
    log = newest(place)
    note = (log.published() or b"").replace(log.origin.encode(), "a\u009b2Jb\u202ec".encode(), 1)
    log.checkpoint.write_bytes(note)
    result = run("verify", str(place), "--key", "key.pem", "--format", "table")
    assert (
        f"  {log.origin}: checkpoint-origin: checkpoint: the checkpoint belongs to `a\\x9b2Jb\\u202ec`\n"
        in result.stdout
    )


@pytest.mark.parametrize("depth", range(1, 5))
def test_verifies_a_part_of_an_audit_directory(place: Path, depth: int) -> None:
    """One log, or the logs of a worker, are verified by themselves; what they name may be elsewhere."""
    log = newest(place)
    part = place.joinpath(*log.origin.split("/")[:depth])
    result = run("verify", str(part), "--key", "key.pem")
    assert result.exit_code == 0
    assert len(found(result)["logs"]) == (1 if depth == 4 else 2)


def test_a_deleted_log_is_missing(place: Path) -> None:
    """The log that was opened later names the one that is gone."""
    first = next(log for log in find_logs(place) if log.origin != newest(place).origin)
    first.path.rename(place / "elsewhere~")
    result = run("verify", str(place), "--key", "key.pem")
    assert result.exit_code == 1
    assert [(one["log"], one["property"]) for one in found(result)["findings"]] == [
        (first.origin, "chain-complete")
    ]


@pytest.mark.parametrize(
    "key",
    [
        lambda: str(KEY.verifier_key("acs")),
        lambda: f"{KEY.verifier_key('acs')}@2999-01-01",
        lambda: str(KEY.verifier_key("acs/host/0")),
    ],
)
def test_trusts_a_verifier_key(place: Path, key: Callable[[], str]) -> None:
    """The verifier key of the service verifies all its logs."""
    assert run("verify", str(place), "--key", key()).exit_code == 0


@pytest.mark.parametrize(
    "key",
    [
        lambda: str(OTHER_KEY.verifier_key("acs")),
        lambda: str(KEY.verifier_key("other")),
        lambda: f"{KEY.verifier_key('acs')}@2020-01-01",
    ],
)
def test_trusts_no_other_key(place: Path, key: Callable[[], str]) -> None:
    """Another key, another name, or a key past its end verifies nothing: exit 1."""
    assert run("verify", str(place), "--key", key()).exit_code == 1


@pytest.mark.slow
@pytest.mark.parametrize(("option", "size"), [("--anchor", 256), ("--receipt", 16)])
def test_a_file_that_is_too_long_is_not_read_whole(
    place: Path, tmp_path: Path, option: str, size: int
) -> None:
    """An anchor or a receipt without end is given up on within a bound."""
    huge = tmp_path / "huge"
    huge.touch()
    os.truncate(huge, 200 * 1024**3)
    result = run("verify", str(place), "--key", "key.pem", option, str(huge))
    assert result.exit_code == 2
    assert f"{huge} exceeds {size} MiB: keep only the checkpoints or the receipt in it" in result.stderr


@pytest.mark.parametrize("linked", [False, True])
def test_a_checkpoint_of_the_log_itself_is_no_anchor(place: Path, tmp_path: Path, linked: bool) -> None:
    """It stands and falls with the log, by a link too."""
    checkpoint = anchor = newest(place).checkpoint
    if linked:
        anchor = tmp_path / "elsewhere"
        anchor.symlink_to(checkpoint)
    result = run("verify", str(place), "--key", "key.pem", "--anchor", str(anchor))
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        f"error: --anchor {anchor}: is of the log itself: an anchor is kept where the service cannot write\n"
    )


def test_anchors_show_what_was_cut_off(place: Path, tmp_path: Path) -> None:
    """A checkpoint from the service's own log finds a tail that was cut off consistently."""
    log = newest(place)
    anchor = tmp_path / "service.log"
    note = (log.published() or b"").decode()
    anchor.write_text(json.dumps({"event": "audit_checkpoint", "checkpoint": note}) + "\n")
    result = run("verify", str(place), "--key", "key.pem", "--anchor", str(anchor))
    assert (result.exit_code, found(result)["anchored"]) == (0, True)
    ((_, segment),), ((_, checkpoints),) = log.segments(), log.checkpoint_files()
    notes = checkpoints.read_bytes().splitlines(keepends=True)
    segment.write_bytes(b"".join(segment.read_bytes().splitlines(keepends=True)[:3]))
    checkpoints.write_bytes(b"".join(notes[:15]))
    log.checkpoint.write_bytes(b"".join(notes[10:15]))
    assert run("verify", str(place), "--key", "key.pem").exit_code == 0
    result = run("verify", str(place), "--key", "key.pem", "--anchor", str(anchor))
    assert result.exit_code == 1
    (finding,) = [one for report in found(result)["logs"] for one in report["findings"]]
    assert (finding["property"], finding["index"]) == ("anchor-complete", 3)


@pytest.mark.parametrize("wrapped", [False, True])
def test_verifies_receipts(place: Path, tmp_path: Path, wrapped: bool) -> None:
    """A receipt is verified by itself, also inside of the response that brought it."""
    log = newest(place)
    receipt: dict[str, Any] = AuditReader(place).receipt(log.origin, 3).as_json()
    path = tmp_path / "receipt.json"
    path.write_text(json.dumps({"verdict": {}, "receipt": receipt} if wrapped else receipt))
    result = run("verify", "--receipt", str(path), "--key", "key.pem")
    assert result.exit_code == 0
    assert found(result) == {"receipts": [{"path": str(path), "log": log.origin, "index": 3, "error": None}]}
    receipt["record"] = receipt["record"].replace("deny", "allow").replace("agent-2", "agent-x")
    path.write_text(json.dumps(receipt))
    result = run("verify", "--receipt", str(path), "--key", "key.pem")
    assert result.exit_code == 1
    assert found(result)["receipts"][0]["error"] == (
        "the proof does not lead from the record to the root of the checkpoint"
    )


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"{", "not JSON"),
        (b"", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"1" * 10_000, "not JSON"),
        (b"[]", "not a receipt: an object of schema `acs-sidecar/receipt/v1` is expected"),
    ],
    ids=["cut off", "empty", "not UTF-8", "nested", "a number", "a list"],
)
def test_a_file_that_is_no_receipt_proves_nothing(tmp_path: Path, content: bytes, error: str) -> None:
    """Whatever is in the file, the answer is that it proves nothing."""
    path = tmp_path / "receipt.json"
    path.write_bytes(content)
    result = run("verify", "--receipt", str(path), "--key", "key.pem")
    assert (result.exit_code, found(result)["receipts"][0]["error"]) == (1, error)


def test_a_receipt_has_one_reading(place: Path, tmp_path: Path) -> None:
    """A second record in front of the proven one, for whoever reads only the first, is refused."""
    receipt = AuditReader(place).receipt(newest(place).origin, 3).as_json()
    forged = json.dumps({"record": "denied"})[:-1] + ", " + json.dumps(receipt)[1:]
    path = tmp_path / "receipt.json"
    for content in (forged, '{"receipt": 1, "receipt": ' + json.dumps(receipt) + "}"):
        path.write_text(content)
        result = run("verify", "--receipt", str(path), "--key", "key.pem")
        assert (result.exit_code, found(result)["receipts"][0]["error"]) == (1, "a member is there twice")


def test_shows_the_report_to_a_person(place: Path) -> None:
    """The table names each log with its state, and each finding in words."""
    changed(newest(place))
    result = run("verify", str(place), "--key", "key.pem", "--format", "table")
    assert f"unsound  {newest(place).origin}" in result.stdout
    assert "checkpoint-root at index 2: the record is not the one that was signed" in result.stdout
    assert result.stdout.splitlines()[-1] == "unsound, not anchored: nothing outside the log proves its end"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("verify", "audit"),
            "no key is trusted: set --key to a verifier key or a PEM file, "
            "as `acs-sidecar audit key` prints it beside the service",
        ),
        (("verify", "nowhere", "--key", "key.pem"), "no audit log exists at nowhere"),
        (("verify", "audit", "--key", "none.pem"), "`none.pem` cannot be read: No such file or directory"),
        (
            ("verify", "audit", "--key", "key.pem", "--anchor", "none"),
            "none cannot be read: No such file or directory",
        ),
        (
            ("show", "--since", "soon"),
            "`soon` is not a date or time in ISO 8601 from 1970 on, nor `30m`, `12h` or `7d` ago",
        ),
        *(
            (
                ("show", "--since", text),
                f"`{text}` is not a date or time in ISO 8601 from 1970 on, nor `30m`, `12h` or `7d` ago",
            )
            for text in (
                "9999999999999d",
                "99999999d",
                "\u00b2d",
                "9999-12-31T23:59:59-14:00",
                "1969-12-31",
                "-1d",
            )
        ),
        (
            ("key", "--generate"),
            "{place}/key.pem exists: move it away to create another, and keep it to verify its logs",
        ),
    ],
)
def test_says_why_it_could_not_tell(place: Path, arguments: tuple[str, ...], message: str) -> None:
    """What is asked for wrongly, or not there, ends with 2 and one line."""
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stderr == f"error: {message.format(place=place.parent)}\n"


def test_a_log_without_a_checkpoint_tells_nothing(place: Path) -> None:
    """Where there is nothing signed, the exit code is neither 0 nor 1."""
    log = newest(place)
    log.checkpoint.unlink()
    for _, path in log.checkpoint_files():
        path.unlink()
    assert run("verify", str(log.path), "--key", "key.pem").exit_code == 2


def test_prints_the_key_to_pin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The verifier key is that of the service, for all its logs; PEM is for other tools."""
    assert run("key").stdout == f"{KEY.verifier_key('acs')}\n"
    pem = tmp_path / "public.pem"
    pem.write_text(run("key", "--pem").stdout)
    assert run("verify", "audit", "--key", str(pem)).exit_code == 0
    monkeypatch.setenv("ACS_AUDIT_KEY_FILE", str(tmp_path / "new.pem"))
    made = run("key", "--generate").stdout
    assert made.startswith("acs+")
    assert run("key").stdout == made
