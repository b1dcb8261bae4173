"""The documentation's own verifier works as it is printed, on real receipts (section 4.5)."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from acs_sidecar.audit.format.findings import Property
from acs_sidecar.audit.format.note import VerifierKey
from acs_sidecar.audit.log.directory import LogDirectory
from acs_sidecar.audit.read.reader import AuditReader
from tests.audit.log.logs import KEY, OTHER_KEY, decisions, newest, settings, with_log

DOCUMENT = (Path(__file__).parent.parent.parent / "docs" / "audit.md").read_text(encoding="utf-8")
SCRIPT = re.findall(r"```python title=\"verify_receipt.py\"\n(.*?)```", DOCUMENT, re.DOTALL)
SERVICE_KEY = str(KEY.verifier_key("acs"))


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> LogDirectory:
    """Write a log of eleven records."""
    root = tmp_path_factory.mktemp("audit")
    with_log(decisions(9), settings(root))
    return newest(root)


def run(tmp_path: Path, receipt: dict[str, Any], key: str) -> "subprocess.CompletedProcess[str]":
    """Run the script of the documentation on a receipt."""
    script, path = tmp_path / "verify.py", tmp_path / "receipt.json"
    script.write_text(SCRIPT[0], encoding="utf-8")
    path.write_text(json.dumps(receipt), encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-I", str(script), str(path), key], capture_output=True, text=True, check=False
    )


def receipt_of(log: LogDirectory, index: int) -> dict[str, Any]:
    """Give the receipt of a record as it is handed out."""
    return AuditReader(log.root).receipt(log.origin, index).as_json()


def test_the_script_is_short_and_needs_nothing() -> None:
    """There is one, of at most 40 lines, with `cryptography` as the only thing to install."""
    (script,) = SCRIPT
    assert len(script.splitlines()) <= 40
    assert set(re.findall(r"^(?:import|from) (.*)$", script, re.MULTILINE)) == {
        "base64, hashlib, json, sys",
        "cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey",
    }


@pytest.mark.server
@pytest.mark.parametrize("index", range(1, 10))
def test_the_script_verifies_receipts(tmp_path: Path, log: LogDirectory, index: int) -> None:
    """Every decision's receipt verifies under the key of the service and under that of the log."""
    key = SERVICE_KEY if index % 2 else str(VerifierKey(log.origin, KEY.public))
    result = run(tmp_path, receipt_of(log, index), key)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == f"allow is record {index} of {log.origin}\n"


def changed_record(receipt: dict[str, Any]) -> None:
    """Change the record."""
    receipt["record"] = receipt["record"].replace('"allow"', '"deny"')


def changed_checkpoint(receipt: dict[str, Any]) -> None:
    """Change the checkpoint."""
    receipt["checkpoint"] = receipt["checkpoint"].replace("\n11\n", "\n12\n")


def another_place(receipt: dict[str, Any]) -> None:
    """Claim another index."""
    receipt["index"] += 1


def a_shorter_proof(receipt: dict[str, Any]) -> None:
    """Take a hash from the proof."""
    receipt["proof"].pop()


def a_longer_proof(receipt: dict[str, Any]) -> None:
    """Add a hash to the proof."""
    receipt["proof"].append(receipt["proof"][0])


@pytest.mark.server
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (changed_record, "the record is not the one that was signed"),
        (changed_checkpoint, "InvalidSignature"),
        (another_place, "the record is of another place"),
        (a_shorter_proof, "the record is not the one that was signed"),
        (a_longer_proof, "the record is not the one that was signed"),
    ],
)
def test_the_script_refuses_manipulated_receipts(
    tmp_path: Path, log: LogDirectory, change: Callable[[dict[str, Any]], None], message: str
) -> None:
    """Whatever is changed, it does not verify."""
    receipt = receipt_of(log, 5)
    change(receipt)
    result = run(tmp_path, receipt, SERVICE_KEY)
    assert result.returncode == 1
    assert message in result.stderr


@pytest.mark.server
@pytest.mark.parametrize(
    ("key", "message"),
    [
        (str(OTHER_KEY.verifier_key("acs")), "the checkpoint is not signed by this key"),
        (str(KEY.verifier_key("ac")), "the checkpoint is of a log that is not this key's"),
    ],
)
def test_the_script_trusts_its_key_alone(tmp_path: Path, log: LogDirectory, key: str, message: str) -> None:
    """Another key, or one for other logs, verifies nothing."""
    result = run(tmp_path, receipt_of(log, 5), key)
    assert (result.returncode, result.stderr.strip()) == (1, message)


def test_the_documentation_names_every_property() -> None:
    """The table of findings has each property that the auditor can report."""
    table = DOCUMENT[DOCUMENT.index("| property |") : DOCUMENT.index("`audit show`")]
    named = set()
    for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE):
        names = re.findall(r"`([a-z-]+)`", row)
        prefix = names[0].partition("-")[0]
        named |= {prefix + name if name.startswith("-") else name for name in names}
    assert named == {one.value for one in Property}
