"""`acs-sidecar audit bom` with several versions of a manifest's policy files (section 8.2)."""

import json
from pathlib import Path

import pytest

from tests.assurance.compliance.guarded import snapshot_of, write_guarded
from tests.assurance.compliance.reports import write_log
from tests.audit.log.logs import all_records
from tests.cli.audit.verbs import found, run


@pytest.mark.parametrize(
    ("given", "outcome", "why"),
    [
        (("then", "now"), "same", None),
        (("now", "then"), "same", None),
        (("now",), "not_possible", "the files of the policy are others than then"),
    ],
)
def test_a_replay_is_by_the_files_that_decided(
    tmp_path: Path, given: tuple[str, ...], outcome: str, why: str | None
) -> None:
    """They have one manifest digest; the record names the digest of the policy."""
    write_log(tmp_path, "P3")
    (tmp_path / "manifests").rename(tmp_path / "then")
    write_guarded(tmp_path / "now")
    snapshot = snapshot_of("hello") | {"envelope": {"agent": {"id": "agent-1"}}}
    (tmp_path / "snapshot.json").write_text(json.dumps(snapshot))
    record = next(one for one in all_records(tmp_path / "audit") if one.get("intervention_point") == "input")
    places = [part for name in given for part in ("--manifests", str(tmp_path / name))]
    result = run(
        *("bom", record["record_id"], "--audit", str(tmp_path / "audit"), "--key", str(tmp_path / "key.pem")),
        *("--snapshot", str(tmp_path / "snapshot.json"), *places),
    )
    assert result.exit_code == 0, result.stderr
    replay = found(result)["replay"]
    assert (replay["outcome"], replay.get("why")) == (outcome, why)
