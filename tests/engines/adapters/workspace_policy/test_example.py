"""The examples with a signed policy: a script beside each makes it anew (section 10.5)."""

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

EXAMPLES = {"workspace-agent": "ws_acme", "governed-agent": "ws_travel"}
"""Folders of manifests, and the workspace of each."""


def verified(folder: Path, workspace: str) -> dict[str, object]:
    """The document of a folder, verified by the trust file beside it, without its signature and time."""
    trust, faults = check_trust((folder / "policy-keys.yaml").read_bytes(), SourceLocation("", "keys"))
    checked = check_policy(
        (folder / "policy.json").read_bytes(), SourceLocation("", "policy"), trust, Expected(workspace, 1)
    )
    assert (faults, checked.findings) == ((), ())
    assert checked.key is not None
    assert checked.key.workspaces == (workspace,)
    document: dict[str, object] = json.loads((folder / "policy.json").read_bytes())
    return {
        name: document[name] for name in document.keys() - {"signature", "signing_key_id", "activated_at"}
    }


@pytest.mark.server
@pytest.mark.parametrize("name", EXAMPLES)
def test_the_script_makes_the_policy_anew(tmp_path: Path, name: str) -> None:
    """The same document by another key, and no key is left behind."""
    example, workspace = ROOT / "manifests" / name, EXAMPLES[name]
    shutil.copytree(example, tmp_path / "agent")
    before = {path.name for path in example.iterdir()}
    path = os.pathsep.join([str(COMMAND.parent), os.environ["PATH"]])
    done = subprocess.run(
        [tmp_path / "agent" / "make-policy.sh"],
        env=environment(PATH=path, TMPDIR=str(tmp_path)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert verified(tmp_path / "agent", workspace) == verified(example, workspace)
    assert (tmp_path / "agent" / "policy.json").read_bytes() != (example / "policy.json").read_bytes()
    assert {path.name for path in (tmp_path / "agent").iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["agent"]
    assert not any("PRIVATE KEY" in path.read_text() for path in example.rglob("*") if path.is_file())


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_content_is_that_of_the_file(name: str) -> None:
    """`policy.json` holds `content.json`."""
    example = ROOT / "manifests" / name
    content = json.loads((example / "content.json").read_bytes())
    assert verified(example, EXAMPLES[name])["content"] == content
