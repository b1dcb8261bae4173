"""`acs-sidecar audit agents`: the agents of the log, and what a registry says of them (section 8.8)."""

from functools import partial
from pathlib import Path

import typer
from rich.table import Table

from acs_sidecar.assurance.agents import AgentFinding, AgentsSeen, TooManyAgentsError, agents_json
from acs_sidecar.audit.format.chain import audit_logs
from acs_sidecar.audit.format.verify import audit_log
from acs_sidecar.audit.read.query import RecordFilter, read_records
from acs_sidecar.audit.read.source import FileLogSource
from acs_sidecar.cli.audit.location import logs_to_read, reading, since_time
from acs_sidecar.cli.manifests import known_manifests
from acs_sidecar.cli.output import OutputFormat, cell, fail, print_json, show_table, wants_table
from acs_sidecar.cli.registry import registry_in
from acs_sidecar.cli.settings import settings_from
from acs_sidecar.cli.verification import refuse_unreadable, refuse_unsound, trust_in, verification_progress
from acs_sidecar.spec.values import Json

__all__ = ["agents"]

_COLUMNS = ("agent_id", "owner", "last_seen", "callers", "manifests", "points", "decisions", "findings")


def agents(
    directory: Path | None = typer.Option(
        None, "--audit", help="audit directory; default: the configured one"
    ),
    keys: list[str] = typer.Option([], "--key", help="verify the log first, by this trusted key; repeatable"),
    registry: Path | None = typer.Option(None, help="registry of agents, YAML or JSON"),
    since: str | None = typer.Option(None, help="only since a date, a time, or `30m`, `12h`, `7d` ago"),
    output: OutputFormat = typer.Option(OutputFormat.AUTO, "--format", help="output format"),
) -> None:
    """List the agents of the log: when they were seen, by whom, at which points, with which verdicts.

    With a registry, names what is amiss: `unknown`, `silent`, `expired`, `wrong_caller`, `unauthenticated`,
    `unbound`; exits 1 on any but `silent`. Verifies nothing without --key.
    """
    registered = registry_in(registry) if registry else None
    settings = settings_from(None).settings
    seen = AgentsSeen(since_time(since))
    with reading():
        _observe(directory or settings.audit_dir, keys, seen, show_progress=wants_table(output))
        if seen.unreadable:
            refuse_unreadable(*seen.unreadable)
        places = [settings.manifests] if registered and settings.manifests.exists() else []
        known = known_manifests(settings, places).values()
    bound = {one.read.file.name: tuple(one.compiled.points) for one in known}
    rows = agents_json(seen, registered, bound)
    if wants_table(output):
        _show(rows, seen.unnamed)
    else:
        print_json({"agents": rows, "unnamed_decisions": seen.unnamed})
    amiss = {finding for row in rows for finding in _texts(row["findings"])}
    if amiss - {AgentFinding.SILENT}:
        raise typer.Exit(1)


def _observe(place: Path, keys: list[str], seen: AgentsSeen, *, show_progress: bool) -> None:
    found = logs_to_read(place)
    try:
        if not keys:
            for record in read_records(found.logs, RecordFilter()):
                seen.record(record)
            return
        sources = [FileLogSource(log) for log in found.logs]
        total = sum(log.published_size() for log in found.logs)
        audit_one = partial(audit_log, observe=seen.record)
        with verification_progress(total, show_progress) as advance:
            trust = trust_in(keys)
            refuse_unsound(audit_logs(sources, trust, (), found.whole, advance, audit_one=audit_one))
    except TooManyAgentsError:
        fail("the log has more agents than can be listed: narrow them with --since")


def _show(rows: list[dict[str, Json]], unnamed: int) -> None:
    table = Table(*(name.replace("_", " ") for name in _COLUMNS), box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(cell(_shown(row[name])) for name in _COLUMNS))
    show_table(table)
    typer.echo(f"{len(rows)} agents; {unnamed} decisions name none")


def _shown(value: Json) -> str:
    match value:
        case None:
            return "-"
        case list():
            return ", ".join(map(str, value)) or "-"
        case dict():
            return ", ".join(f"{name} {count}" for name, count in value.items()) or "-"
        case _:
            return str(value)


def _texts(value: Json) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
