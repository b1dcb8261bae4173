"""What the commands that verify logs share: trusted keys, anchors, progress, bounded files (section 4.5)."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn, TypeAlias

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from acs_sidecar.audit.format.chain import Anchor, anchors_in
from acs_sidecar.audit.format.findings import AuditFinding, Report, Status
from acs_sidecar.audit.format.trust import Trust
from acs_sidecar.audit.log.keys import KeyFileError, load_key, load_trusted_key
from acs_sidecar.bounded_files import read_at_most
from acs_sidecar.cli.output import fail
from acs_sidecar.spec.values import Json

__all__ = [
    "Advance",
    "anchors_of",
    "content_of",
    "object_in",
    "refuse_unreadable",
    "refuse_unsound",
    "signing_key",
    "trust_in",
    "verification_progress",
]

Advance: TypeAlias = Callable[[int], None]
"""Counts verified records."""

_MAX_ANCHOR_BYTES = 256 * 1024 * 1024
_MAX_OBJECT_BYTES = 16 * 1024 * 1024
_MOST_SHOWN = 10


def trust_in(keys: list[str]) -> Trust:
    """Return the keys that a command was told to trust; ends it where there is none, or one is no key."""
    if not keys:
        fail(
            "no key is trusted: set --key to a verifier key or a PEM file, "
            "as `acs-sidecar audit key` prints it beside the service"
        )
    try:
        return Trust(tuple(load_trusted_key(text) for text in keys))
    except KeyFileError as error:
        fail(str(error))


def anchors_of(
    files: list[Path], trust: Trust, directories: Iterable[Path] = ()
) -> tuple[list[Anchor], list[AuditFinding]]:
    """Read files of anchors; what is wrong with one is a finding. Raises `OSError`.

    One in the directory of a log ends the command: whoever can change the log can change it.
    """
    anchors: list[Anchor] = []
    wrong: list[AuditFinding] = []
    inside = [directory.resolve() for directory in directories]
    for file in files:
        if any(file.resolve().is_relative_to(directory) for directory in inside):
            fail(f"--anchor {file}: is of the log itself: an anchor is kept where the service cannot write")
        found, findings = anchors_in(content_of(file, _MAX_ANCHOR_BYTES), str(file), trust)
        anchors += found
        wrong += findings
    return anchors, wrong


def content_of(path: Path, most: int) -> bytes:
    """Read a file, or end the command when it has more than `most` bytes. Raises `OSError`."""
    content = read_at_most(path, most + 1)
    if len(content) > most:
        fail(f"{path} exceeds {most >> 20} MiB: keep only the checkpoints or the receipt in it")
    return content


def refuse_unsound(report: Report) -> None:
    """End the command where the logs are unsound, naming what failed; and where that could not be told."""
    if found := report.all_findings:
        shown = [f"the log is unsound: {finding}" for finding in found[:_MOST_SHOWN]]
        more = [f"{len(found) - _MOST_SHOWN} more findings"] if len(found) > _MOST_SHOWN else []
        fail(*shown, *more, "run `acs-sidecar audit verify` for details", code=1)
    if report.status is not Status.SOUND:
        reasons = [f"{log.log}: {log.unknown}" for log in report.logs.values() if log.unknown]
        fail(*(reasons or ["no log has a signed record"]))


def refuse_unreadable(log: str, index: int) -> NoReturn:
    """End the command at a record that another version wrote: what it states would be guessed."""
    fail(f"record {index} of {log} has a schema that this version does not know: use the one that wrote it")


def object_in(path: Path, option: str) -> dict[str, Json]:
    """Read a JSON object from a file of at most 16 MiB, or end the command."""
    from acs_sidecar.decision.refusal import RefusalError  # noqa: PLC0415  # slow to load
    from acs_sidecar.decision.request import DuplicateMembers, parse_object  # noqa: PLC0415  # same

    try:
        value = parse_object(content_of(path, _MAX_OBJECT_BYTES), DuplicateMembers.REFUSE, "the file")
    except RefusalError as error:
        fail(f"{option} {path}: {error.detail}")
    except OSError as error:
        fail(f"{option} {path}: {error.strerror}")
    return value


def signing_key(path: Path, trust: Trust) -> Ed25519PrivateKey:
    """Load the key of --sign, or end the command: a key of the log signs checkpoints and nothing else."""
    try:
        key = load_key(path)
    except KeyFileError as error:
        fail(f"--sign: {error}")
    if any(key.public == trusted.public for trusted in trust.keys):
        fail("--sign: this key signs the log: use another one, as `acs-sidecar sign --generate` makes it")
    return key.private


@contextmanager
def verification_progress(records: int, wanted: bool) -> Iterator[Advance]:
    """Show how far the verification is, on a terminal."""
    if not (wanted and sys.stderr.isatty()):
        yield lambda _: None
        return
    from rich.console import Console  # noqa: PLC0415  # most runs show none
    from rich.progress import (  # noqa: PLC0415  # same
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn("verifying"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("records", total=records or None)
        yield lambda count: bar.advance(task, count)
