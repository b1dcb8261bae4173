"""`acs-sidecar audit bom`: what stood behind a decision, rebuilt from the log (section 8.2)."""

import sys
from collections.abc import Iterator
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, assert_never

import orjson
import typer

from acs_sidecar.assurance.bom.bom import BomContext, decision_bom, statement_of
from acs_sidecar.assurance.bom.history import similar_before
from acs_sidecar.assurance.bom.markdown import bom_markdown
from acs_sidecar.assurance.bom.proof import ProvenSnapshot, ReplayOutcome
from acs_sidecar.assurance.bom.selection import (
    MAX_SELECTED,
    RecordSelection,
    SelectedRecord,
    TooManyRecordsError,
)
from acs_sidecar.assurance.dsse import dsse_envelope
from acs_sidecar.audit.format.chain import audit_logs
from acs_sidecar.audit.format.hash_audit import audit_hashes
from acs_sidecar.audit.format.receipt import Receipt, ReceiptError
from acs_sidecar.audit.format.record import is_readable, parse_record
from acs_sidecar.audit.format.trust import Trust
from acs_sidecar.audit.log.directory import LogDirectory
from acs_sidecar.audit.log.records import record_lines
from acs_sidecar.audit.read.hashing import HashedLogSource
from acs_sidecar.audit.read.reader import AuditReader, NotInLogError
from acs_sidecar.cli.audit.location import logs_to_read, reading, since_time
from acs_sidecar.cli.output import fail, stdout_is_terminal
from acs_sidecar.cli.settings import settings_from
from acs_sidecar.cli.verification import (
    refuse_unreadable,
    refuse_unsound,
    signing_key,
    trust_in,
    verification_progress,
)
from acs_sidecar.spec.printable import printable_json
from acs_sidecar.spec.values import Json, JsonObject

if TYPE_CHECKING:
    from acs_sidecar.access.callers import Callers

__all__ = ["bom"]


class BomFormat(StrEnum):
    """How a BOM is printed."""

    JSON = "json"
    INTOTO = "intoto"
    MARKDOWN = "markdown"


_TYPES = {
    BomFormat.JSON: "application/json",
    BomFormat.INTOTO: "application/vnd.in-toto+json",
    BomFormat.MARKDOWN: "text/markdown",
}


def bom(
    record_id: str | None = typer.Argument(None, help="`record_id` of the decision"),
    trace: str | None = typer.Option(None, help="the decisions of this trace ID"),
    session: str | None = typer.Option(None, help="the decisions of this session"),
    agent: str | None = typer.Option(None, help="the decisions for this agent; needs --since"),
    since: str | None = typer.Option(None, help="only since a date, a time, or `30m`, `12h`, `7d` ago"),
    directory: Path | None = typer.Option(
        None, "--audit", help="audit directory; default: the configured one"
    ),
    keys: list[str] = typer.Option(
        [], "--key", help="trusted key: verifier key or PEM file, optionally with `@DATE`; repeatable"
    ),
    snapshots: list[Path] = typer.Option(
        [], "--snapshot", help="JSON file of the snapshot, or of the included policy input; repeatable"
    ),
    manifests: list[Path] = typer.Option([], "--manifests", help="manifests, to evaluate again; repeatable"),
    callers: Path | None = typer.Option(None, help="the callers file, to check agents against"),
    show_values: bool = typer.Option(
        False, "--show-values", help="show the policy target, not its hash alone"
    ),
    output: BomFormat = typer.Option(BomFormat.JSON, "--format", help="output format"),
    sign: Path | None = typer.Option(None, help="PEM file of a key: wrap the output in a DSSE envelope"),
) -> None:
    """Rebuild what stood behind a decision from the log, which is verified first.

    Exits 0, 1 when the log is unsound, a snapshot is refused or a replay differs, 2 when nothing was found.

    Example: `acs-sidecar audit bom --session s-1 --key audit.pub.pem`
    """
    selection = _selection(record_id, trace, session, agent, since)
    trust = trust_in(keys)
    private = signing_key(sign, trust) if sign else None
    given = None
    if snapshots or manifests:
        from acs_sidecar.cli.audit.snapshots import GivenSnapshots  # noqa: PLC0415  # slow to load

        given = GivenSnapshots.read(snapshots, manifests)
    with reading():
        root = _select(directory or settings_from(None).settings.audit_dir, trust, selection)
        if not selection.found:
            fail(f"no decision has this {selection.member}")
        for one in selection.found:
            if not is_readable(one.value):
                refuse_unreadable(one.log, one.index)
        proven = given.proven(selection.found) if given else {}
        operators = _callers(callers)
        boms = [
            (
                one,
                decision_bom(
                    one, _context(root, one, trust, proven.get((one.log, one.index)), operators, show_values)
                ),
            )
            for one in selection.found
        ]
    content = b"".join(_printed(boms, output, single=record_id is not None))
    if private:
        envelope = dsse_envelope(content, _TYPES[output], private)
        content = orjson.dumps(envelope, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    sys.stdout.write(content.decode())
    if any(one.replay.outcome is ReplayOutcome.DIFFERENT for one in proven.values()):
        raise typer.Exit(1)


def _selection(
    record_id: str | None, trace: str | None, session: str | None, agent: str | None, since: str | None
) -> RecordSelection:
    wanted = {"record_id": record_id, "trace_id": trace, "session_id": session, "agent_id": agent}
    named = [(member, value) for member, value in wanted.items() if value is not None]
    if len(named) != 1:
        fail("exactly one of a record ID, --trace, --session and --agent is needed")
    if agent is not None and since is None:
        fail("--agent needs --since: set from when on its decisions are wanted")
    return RecordSelection(*named[0], since_time(since))


def _select(place: Path, trust: Trust, selection: RecordSelection) -> Path:
    """Verify the logs at a place and find records on the way; return the audit directory that they are in."""
    found = logs_to_read(place)
    sources = [HashedLogSource(log) for log in found.logs]
    audit_one = partial(audit_hashes, needle=selection.needle, observe=selection.observe)
    total = sum(log.published_size() for log in found.logs)
    try:
        with verification_progress(total, stdout_is_terminal()) as advance:
            report = audit_logs(sources, trust, (), found.whole, advance, audit_one=audit_one)
    except TooManyRecordsError:
        fail(f"more than {MAX_SELECTED} decisions are selected: narrow them with --since")
    refuse_unsound(report)
    return found.logs[0].root


def _callers(path: Path | None) -> "Callers | None":
    if path is None:
        return None
    from acs_sidecar.access.callers import read_callers  # noqa: PLC0415  # YAML is slow to load
    from acs_sidecar.access.entries import AccessFileError  # noqa: PLC0415  # same

    try:
        return read_callers(path)
    except AccessFileError as error:
        fail(*(f"--callers: {line}" for line in error.lines))


def _context(
    root: Path,
    record: SelectedRecord,
    trust: Trust,
    proven: ProvenSnapshot | None,
    callers: "Callers | None",
    values: bool,
) -> BomContext:
    try:
        receipt: Receipt = AuditReader(root).receipt(record.log, record.index)
        covered = receipt.verify(trust)
    except NotInLogError:
        fail("the published checkpoint does not cover the record yet: try again")
    except ReceiptError as error:
        fail(f"record {record.index} of {record.log}: {error}", code=1)
    directory = LogDirectory(root, record.log)
    (line,) = record_lines(directory, covered.size - 1, covered.size)
    last = parse_record(line) or {}
    return BomContext(
        receipt, str(last.get("time")), similar_before(directory, record), proven, callers, values
    )


def _printed(
    boms: list[tuple[SelectedRecord, dict[str, Json]]], output: BomFormat, *, single: bool
) -> Iterator[bytes]:
    match output:
        case BomFormat.JSON:
            yield _json(boms[0][1] if single else [one for _, one in boms])
        case BomFormat.INTOTO:
            for record, one in boms:
                yield printable_json(statement_of(record, one).decode()).encode() + b"\n"
        case BomFormat.MARKDOWN:
            yield "\n".join(bom_markdown(one) for _, one in boms).encode()
        case _:
            assert_never(output)


def _json(value: JsonObject | list[dict[str, Json]]) -> bytes:
    text = orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()
    return printable_json(text).encode()
