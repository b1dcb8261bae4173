"""`acs-sidecar audit verify`: the audit of logs and receipts, from their raw bytes and a trusted key."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import typer
from rich.console import Console
from rich.markup import escape

from acs_sidecar.audit.format.chain import Anchor, audit_logs
from acs_sidecar.audit.format.findings import AuditFinding, Report, Status
from acs_sidecar.audit.format.log_source import LogSource
from acs_sidecar.audit.format.receipt import Receipt, ReceiptError
from acs_sidecar.audit.format.trust import Trust
from acs_sidecar.audit.read.source import FileLogSource
from acs_sidecar.audit.ship.nats import NatsError
from acs_sidecar.audit.ship.stream_source import AuditStream
from acs_sidecar.cli.audit.fleet import nats_settings
from acs_sidecar.cli.audit.location import logs_to_read, reading
from acs_sidecar.cli.output import COULD_NOT_RUN, OutputFormat, fail, print_json, wants_table
from acs_sidecar.cli.settings import settings_from
from acs_sidecar.cli.verification import Advance, anchors_of, content_of, trust_in, verification_progress
from acs_sidecar.spec.printable import printable
from acs_sidecar.spec.values import Json

__all__ = ["verify"]

_MAX_RECEIPT_BYTES = 16 * 1024 * 1024
_COLOURS = {Status.SOUND: "green", Status.UNSOUND: "bold red", Status.UNKNOWN: "yellow"}


def verify(
    paths: list[Path] = typer.Argument(
        None,
        help="audit directories, or directories within one; default, without --receipt: the configured one",
    ),
    keys: list[str] = typer.Option(
        [],
        "--key",
        help="trusted key: verifier key or PEM file, optionally followed by `@DATE`, its expiry; repeatable",
    ),
    anchors: list[Path] = typer.Option(
        [], "--anchor", help="checkpoints stored elsewhere, or the service's own log"
    ),
    receipts: list[Path] = typer.Option([], "--receipt", help="JSON file of a receipt to verify"),
    fleet: bool = typer.Option(
        False,
        "--nats",
        help="verify every log of the stream in ACS_AUDIT_NATS_STREAM",
    ),
    output: OutputFormat = typer.Option(OutputFormat.AUTO, "--format", help="output format"),
) -> None:
    """Verify logs and receipts from their raw bytes, offline.

    Exits 0 when everything is sound, 1 when something is not, 2 when it could not be checked.

    Example: `acs-sidecar audit verify var/audit --key audit.pub.pem --anchor anchors.log`
    """
    if paths and fleet:
        fail("an audit directory and --nats cannot be verified together: run them one after the other")
    trust = trust_in(keys)
    if not paths and not receipts and not fleet:
        paths = [settings_from(None).settings.audit_dir]
    report = None
    if paths:
        report = _verified_logs(paths, anchors, trust, wants_table(output))
    elif fleet:
        report = _verified_fleet(anchors, trust, wants_table(output))
    proven = [_verified_receipt(path, trust) for path in receipts]
    if wants_table(output):
        _show_report(report, proven)
    else:
        print_json({**(report.as_json() if report else {}), "receipts": proven})
    if (report and report.status is Status.UNSOUND) or any(receipt["error"] for receipt in proven):
        raise typer.Exit(1)
    if report and report.status is Status.UNKNOWN:
        raise typer.Exit(COULD_NOT_RUN)


def _verified_logs(paths: list[Path], anchor_files: list[Path], trust: Trust, show_progress: bool) -> Report:
    with reading():
        places = [logs_to_read(path) for path in paths]
        logs = {log.path: log for place in places for log in place.logs}.values()
        copied = [origin for origin, count in Counter(log.origin for log in logs).items() if count > 1]
        if copied:
            fail(f"the log {copied[0]} was given twice: verify its copies one after the other")
        with verification_progress(sum(log.published_size() for log in logs), show_progress) as advance:
            whole = all(place.whole for place in places)
            sources = [FileLogSource(log) for log in logs]
            anchors = anchors_of(anchor_files, trust, [log.path for log in logs])
            return _audited(sources, anchors, trust, whole, advance)


def _verified_fleet(anchor_files: list[Path], trust: Trust, show_progress: bool) -> Report:
    """Verify what was shipped, with the same auditor: each log from its own messages."""
    settings = settings_from(None).settings
    try:
        with (
            reading(),
            AuditStream(nats_settings(settings), settings.audit_nats_stream) as stream,
            verification_progress(0, show_progress) as advance,
        ):
            sources = stream.sources()
            if not sources:
                fail(f"the stream `{settings.audit_nats_stream}` holds no audit log")
            return _audited(sources, anchors_of(anchor_files, trust), trust, True, advance)
    except NatsError as error:
        fail(str(error))


def _audited(
    sources: Sequence[LogSource],
    given: tuple[list[Anchor], list[AuditFinding]],
    trust: Trust,
    whole: bool,
    advance: Advance,
) -> Report:
    anchors, wrong = given
    report = audit_logs(sources, trust, anchors, whole, advance)
    return Report(report.logs, (*report.findings, *wrong))


def _verified_receipt(path: Path, trust: Trust) -> dict[str, Json]:
    """Verify a receipt, or the one in a response that asked for it."""
    with reading():
        content = content_of(path, _MAX_RECEIPT_BYTES)
    result: dict[str, Json] = {"path": str(path), "log": None, "index": None, "error": None}
    try:
        value = json.loads(content.decode(), object_pairs_hook=_unique)
        if isinstance(value, dict) and isinstance(value.get("receipt"), dict):
            value = value["receipt"]
        receipt = Receipt.parse(value)
        checkpoint = receipt.verify(trust)
    except ReceiptError as error:
        return {**result, "error": str(error)}
    except (ValueError, RecursionError):
        return {**result, "error": "not JSON"}
    return {**result, "log": checkpoint.origin, "index": receipt.index}


def _unique(members: list[tuple[str, Json]]) -> dict[str, Json]:
    """Make an object. Stops: two readings of one receipt, by a member given twice."""
    found = dict(members)
    if len(found) < len(members):
        raise ReceiptError("a member is there twice")
    return found


def _show_report(report: Report | None, receipts: list[dict[str, Json]]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    for log in report.logs.values() if report else ():
        colour = _COLOURS[log.status]
        notes = [f"{log.size} records"]
        notes += ["closed"] if log.closed else []
        notes += [f"{log.pending_bytes} bytes pending"] if log.pending_bytes else []
        notes += [f"time goes backward at index {log.time_backward}"] if log.time_backward is not None else []
        notes += [f"anchored up to {log.anchored}"] if log.anchored is not None else ["not anchored"]
        notes += [log.unknown] if log.unknown else []
        text = printable(f"{log.log}  {', '.join(notes)}")
        console.print(f"[{colour}]{log.status}[/]  {escape(text)}")
    for finding in report.all_findings if report else ():
        console.print(f"  {printable(str(finding))}", style="red", markup=False)
    for receipt in receipts:
        word, colour = ("unsound", "bold red") if receipt["error"] else ("sound", "green")
        place = f"record {receipt['index']} of {receipt['log']}"
        text = printable(f"{receipt['path']}  {receipt['error'] or place}")
        console.print(f"[{colour}]{word}[/]  {escape(text)}")
    if report:
        anchored = "anchored" if report.anchored else "not anchored: nothing outside the log proves its end"
        console.print(f"{report.status}, {anchored}")
