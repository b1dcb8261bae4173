"""The example `manifests/workspace-agent`: its script makes its policy anew (section 10.5)."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from acs_sidecar.engines.adapters.workspace_policy.checking import check_policy, check_trust
from acs_sidecar.engines.adapters.workspace_policy.verification import Expected
from acs_sidecar.engines.findings import SourceLocation
from tests.conftest import COMMAND, ROOT, environment

EXAMPLE = ROOT / "manifests" / "workspace-agent"


def verified(folder: Path) -> dict[str, object]:
    """The document of a folder, verified by the trust file beside it, without its signature and time."""
    trust, faults = check_trust((folder / "policy-keys.yaml").read_bytes(), SourceLocation("", "keys"))
    checked = check_policy(
        (folder / "policy.json").read_bytes(), SourceLocation("", "policy"), trust, Expected("ws_acme", 1)
    )
    assert (faults, checked.findings) == ((), ())
    assert checked.key is not None
    assert checked.key.workspaces == ("ws_acme",)
    document: dict[str, object] = json.loads((folder / "policy.json").read_bytes())
    return {
        name: document[name] for name in document.keys() - {"signature", "signing_key_id", "activated_at"}
    }


@pytest.mark.server
def test_the_script_makes_the_policy_anew(tmp_path: Path) -> None:
    """The same document by another key, and no key is left behind."""
    shutil.copytree(EXAMPLE, tmp_path / "agent")
    before = {path.name for path in EXAMPLE.iterdir()}
    path = os.pathsep.join([str(COMMAND.parent), os.environ["PATH"]])
    done = subprocess.run(
        [tmp_path / "agent" / "make-policy.sh"],
        env=environment(PATH=path, TMPDIR=str(tmp_path)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert verified(tmp_path / "agent") == verified(EXAMPLE)
    assert (tmp_path / "agent" / "policy.json").read_bytes() != (EXAMPLE / "policy.json").read_bytes()
    assert {path.name for path in (tmp_path / "agent").iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["agent"]
    assert not any("PRIVATE KEY" in path.read_text() for path in EXAMPLE.rglob("*") if path.is_file())


def test_the_content_is_that_of_the_file() -> None:
    """`policy.json` holds `content.json`."""
    assert verified(EXAMPLE)["content"] == json.loads((EXAMPLE / "content.json").read_bytes())
