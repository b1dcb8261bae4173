"""`acs-sidecar audit`: show, export and prune the log, and print its key."""

import sys
from collections import deque
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

import typer
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from rich.console import Console

import acs_sidecar
from acs_sidecar.audit.format.export import CSV_HEADER, FORMATS
from acs_sidecar.audit.format.oags_export import oags_line
from acs_sidecar.audit.format.record import rfc3339
from acs_sidecar.audit.log.directory import LogDirectory
from acs_sidecar.audit.log.keys import AuditKey, KeyFileError, generate_key, load_key
from acs_sidecar.audit.log.opening import AuditDamagedError, AuditLogSettings
from acs_sidecar.audit.log.prune import PRUNING_WORKER
from acs_sidecar.audit.log.prune import prune as prune_logs
from acs_sidecar.audit.read.query import RecordFilter, follow_records, read_records
from acs_sidecar.cli.audit.location import logs_to_read, reading, since_time
from acs_sidecar.cli.output import OutputFormat, fail, print_json, say, wants_table
from acs_sidecar.cli.settings import settings_from
from acs_sidecar.spec.printable import printable
from acs_sidecar.spec.values import JsonObject

__all__ = ["ExportFormat", "export", "key", "prune", "show"]

_PATH = typer.Argument(None, help="audit directory, or a directory within it; default: the configured one")
_AGENT = typer.Option(None, help="only of this agent")
_SESSION = typer.Option(None, help="only of this session")
_DECISION = typer.Option(None, help="only with this decision")
_EVENT = typer.Option(None, help="only this event: `decision`, `log_opened`, …")
_SINCE = typer.Option(None, help="only since a date, a time, or `30m`, `12h`, `7d` ago")
_STYLES = {
    "allow": "green",
    "warn": "yellow",
    "transform": "cyan",
    "escalate": "magenta",
    "deny": "bold red",
}
_COLUMNS = ("time", "decision", "intervention_point", "agent_id", "tool", "policy_id", "reason", "index")


class ExportFormat(StrEnum):
    """What `export` writes."""

    JSONL = "jsonl"
    CSV = "csv"
    CLOUDEVENTS = "cloudevents"
    OCSF = "ocsf"
    OAGS = "oags"


def show(
    path: Path | None = _PATH,
    agent: str | None = _AGENT,
    session: str | None = _SESSION,
    decision: str | None = _DECISION,
    event: str | None = _EVENT,
    since: str | None = _SINCE,
    last: int | None = typer.Option(None, min=1, help="only the last N records"),
    follow: bool = typer.Option(False, "--follow", "-f", help="follow the log as records are written"),
    output: OutputFormat = typer.Option(OutputFormat.AUTO, "--format", help="output format"),
) -> None:
    """Show records by time: a table on a terminal, the records themselves in a pipe. Verifies nothing."""
    place = path or settings_from(None).settings.audit_dir
    chosen = RecordFilter(agent, decision, event, since_time(since), session)
    console = Console(highlight=False, soft_wrap=True)
    with reading():
        found: Iterable[JsonObject] = read_records(logs_to_read(place).logs, chosen)
        _print_records(deque(found, last) if last else found, console, output)
        if follow:
            _print_records(follow_records(place, chosen), console, output)


def export(
    path: Path | None = _PATH,
    to: ExportFormat = typer.Option(ExportFormat.JSONL, "--to", help="export format"),
    agent: str | None = _AGENT,
    decision: str | None = _DECISION,
    event: str | None = _EVENT,
    since: str | None = _SINCE,
) -> None:
    """Write records for other systems to the standard output, by time. Verifies nothing."""
    place = path or settings_from(None).settings.audit_dir
    with reading():
        if to is ExportFormat.CSV:
            sys.stdout.write(CSV_HEADER)
        logs = logs_to_read(place).logs
        records = read_records(logs, RecordFilter(agent, decision, event, since_time(since)))
        written = _oags_writer(logs) if to is ExportFormat.OAGS else FORMATS[to.value]
        for record in records:
            sys.stdout.write(written(record))


def _oags_writer(logs: Iterable[LogDirectory]) -> Callable[[JsonObject], str]:
    """Return what writes decisions with the newest checkpoints of their logs, which cover what was read."""
    checkpoints = {log.origin: (log.published() or b"").decode(errors="replace") for log in logs}
    return lambda record: oags_line(record, checkpoints)


def prune(
    older_than: int = typer.Option(..., "--older-than", min=1, metavar="DAYS", help="retention in days"),
    path: Path | None = _PATH,
    dry_run: bool = typer.Option(False, "--dry-run", help="print what would be deleted without deleting it"),
    output: OutputFormat = typer.Option(OutputFormat.AUTO, "--format", help="output format"),
) -> None:
    """Delete whole logs that ended longer ago than the retention; a new log states what was deleted.

    Needs the audit key: without that statement a deleted log is a missing one to `audit verify`.
    """
    settings = settings_from(None).settings
    directory = path or settings.audit_dir
    logs_to_read(directory)
    config = AuditLogSettings(
        directory=directory,
        name=settings.audit_name,
        instance="command",
        worker=PRUNING_WORKER,
        facts={"version": acs_sidecar.__version__},
    )
    before = rfc3339(int((datetime.now(UTC) - timedelta(days=older_than)).timestamp() * 1_000_000))
    try:
        pruned = prune_logs(config, load_key(settings.audit_key_file), before, dry_run)
    except (KeyFileError, AuditDamagedError) as error:
        fail(str(error))
    except OSError as error:
        fail(f"{directory} cannot be pruned: {error.strerror}")
    if not wants_table(output):
        print_json({"deleted": [one.as_json() for one in pruned], "dry_run": dry_run})
        return
    for one in pruned:
        say(f"{'would delete' if dry_run else 'deleted'}  {one.log}  {one.size} records, {one.last_time}")
    if not pruned:
        typer.echo("no log is older than the retention")


def key(
    generate: bool = typer.Option(False, "--generate", help="create the key first; never overwrites one"),
    pem: bool = typer.Option(False, "--pem", help="print the public key as PEM"),
) -> None:
    """Print the public key to pin: a verifier key for all logs of the service, or PEM."""
    settings = settings_from(None).settings
    file = settings.audit_key_file
    try:
        if generate and file.exists():
            fail(f"{file} exists: move it away to create another, and keep it to verify its logs")
        found = generate_key(file) if generate else load_key(file)
    except KeyFileError as error:
        fail(str(error))
    typer.echo(_public_pem(found) if pem else str(found.verifier_key(settings.audit_name)), nl=not pem)


def _print_records(records: Iterable[JsonObject], console: Console, output: OutputFormat) -> None:
    for record in records:
        if not wants_table(output):
            sys.stdout.write(FORMATS["jsonl"](record))
            sys.stdout.flush()
            continue
        decided = str(record.get("decision") or record.get("event"))
        cells = [decided if name == "decision" else str(record.get(name) or "-") for name in _COLUMNS]
        console.print(printable("  ".join(cells)), style=_STYLES.get(decided), markup=False)


def _public_pem(found: AuditKey) -> str:
    public = found.private.public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
