"""The files of the commands: read within bounds, written whole or not at all (section 10.7)."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import orjson

from acs_sidecar.bounded_files import read_at_most
from acs_sidecar.cli.output import fail, show_findings
from acs_sidecar.cli.policies.finding_files import display_path
from acs_sidecar.engines.adapters.workspace_policy.checking import check_trust, read_form
from acs_sidecar.engines.adapters.workspace_policy.document.model import WorkspacePolicy
from acs_sidecar.engines.adapters.workspace_policy.document.text import MAX_BYTES
from acs_sidecar.engines.adapters.workspace_policy.trust import PolicyKeys
from acs_sidecar.engines.findings import SourceLocation
from acs_sidecar.spec.values import Json

__all__ = ["location", "read_file", "read_policy_file", "read_trust_file", "replace", "text_of", "write_new"]

_MODE = 0o644


def location(path: Path) -> SourceLocation:
    """Return how findings call a file."""
    return SourceLocation("", display_path(path))


def read_file(path: Path) -> bytes:
    """Read a file, of which one byte more than the bound is enough; or end the command."""
    try:
        return read_at_most(path, MAX_BYTES + 1)
    except OSError as error:
        fail(f"{path}: {error.strerror}")


def read_policy_file(path: Path) -> WorkspacePolicy:
    """Read a document whose form is right; any other one ends the command."""
    policy, findings = read_form(read_file(path), location(path))
    if policy is None:
        show_findings(findings)
        fail(f"{path}: is not a workspace policy", code=1)
    return policy


def read_trust_file(path: Path) -> PolicyKeys:
    """Read a file of trust; a faulty one ends the command."""
    trust, findings = check_trust(read_file(path), location(path))
    if findings:
        show_findings(findings)
        fail(f"{path}: is not a file of trusted keys")
    return trust


def text_of(value: Mapping[str, Json]) -> bytes:
    """Return the text of a document."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def write_new(path: Path, content: bytes) -> None:
    """Write a file that must not be there yet, in one step; or end the command."""
    with _temporary(path, content, _MODE) as temporary:
        path.hardlink_to(temporary)


def replace(path: Path, content: bytes) -> None:
    """Replace a file, or a link to one, in one step; or end the command and leave it as it was."""
    mode = path.stat().st_mode & 0o777 if path.exists() else _MODE
    with _temporary(path, content, mode) as temporary:
        temporary.replace(path)


@contextmanager
def _temporary(path: Path, content: bytes, mode: int) -> Iterator[Path]:
    """Write a file beside `path`, which is gone afterwards; what cannot be done ends the command."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fchmod(handle, mode)
                os.fsync(handle)
            yield Path(name)
        finally:
            Path(name).unlink(missing_ok=True)
    except FileExistsError:
        fail(f"{path}: exists and is never overwritten")
    except OSError as error:
        fail(f"{path}: {error.strerror}")
