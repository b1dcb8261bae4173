"""`acs-sidecar audit export --to oags` on real logs (section 9.6)."""

import json
from pathlib import Path

from acs_sidecar.audit.format.checkpoint import Checkpoint
from acs_sidecar.audit.format.merkle import verify_inclusion
from acs_sidecar.audit.format.note import SignedNote
from acs_sidecar.audit.read.reader import AuditReader
from tests.cli.audit.verbs import run


def test_an_exported_decision_verifies_against_its_checkpoint(place: Path) -> None:
    """Each line leads from its leaf hash to the signed root of its checkpoint."""
    lines = [json.loads(line) for line in run("export", "--to", "oags").stdout.splitlines()]
    assert len(lines) == 8
    reader = AuditReader(place)
    for line in lines:
        evidence = line["evidence"]
        checkpoint = Checkpoint.parse(SignedNote.parse(evidence["checkpoint"].encode()).text)
        proof = reader.inclusion(evidence["log"], evidence["index"], checkpoint.size)
        leaf = bytes.fromhex(evidence["record_sha256"])
        assert verify_inclusion(leaf, evidence["index"], checkpoint.size, proof, checkpoint.root)
        assert (line["decision"], line["rule"]) in {("allow", "because"), ("deny", "because")}
