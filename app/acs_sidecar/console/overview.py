"""The page that opens first: what is there, what was decided lately, what is wrong (section 15.2)."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from acs_sidecar.audit.format.claims import LogState
from acs_sidecar.audit.format.record import rfc3339
from acs_sidecar.audit.log.records import LogDamagedError
from acs_sidecar.audit.read.decision_lines import counted_members
from acs_sidecar.audit.read.reader import LogSummary
from acs_sidecar.audit.read.search import (
    FoundPart,
    RecordPlace,
    RecordSource,
    Wanted,
    first_from,
    place_at,
    search,
)
from acs_sidecar.console.decisions import UnreadableFilterError, damage, place, written
from acs_sidecar.console.log_access import DiskUse, LogAccess, read_for
from acs_sidecar.console.manifest_set import ManifestAccess, ShownManifest
from acs_sidecar.console.manifests_pages import manifest_row
from acs_sidecar.console.rendering import MARKS, page
from acs_sidecar.console.service_state import ServiceState
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.values import Json

__all__ = ["overview_routes"]

MOST_COUNTED: Final = 1_000_000
_AT_ONCE = 500
"""How many records the page itself looks at; the rest is asked for while it shows."""
_LATER = 50_000
_MOST_REASONS = 12
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _LogRow:
    """A log with the time of its first record and how many it got in the last day."""

    summary: LogSummary
    opened: str | None = None
    last_day: int = 0


@dataclass(frozen=True, slots=True)
class _Logs:
    """What the page shows of logs."""

    rows: Sequence[_LogRow]
    counts: Mapping[str, Json]
    disk: DiskUse | None

    @property
    def running_since(self) -> str | None:
        """When the oldest log that a process writes was opened."""
        rows = [row.opened for row in self.rows if row.summary.state is LogState.OPEN]
        return min((opened for opened in rows if opened), default=None)

    @property
    def last_day_bytes(self) -> int:
        """How much the logs grew in the last day, by the average length of a record."""
        records = sum(row.summary.size for row in self.rows)
        if not self.disk or not records:
            return 0
        return self.disk.used * sum(row.last_day for row in self.rows) // records

    @property
    def days_left(self) -> int | None:
        """How many such days the disk has room for."""
        return self.disk.free // self.last_day_bytes if self.disk and self.last_day_bytes else None


def overview_routes(logs: LogAccess, manifests: ManifestAccess, service: ServiceState | None) -> list[Route]:
    """Return the routes; `service` is asked for its state where there is one."""
    return [Route("/", partial(_page, logs, manifests, service)), Route("/counts", partial(_counts, logs))]


async def _page(
    logs: LogAccess, manifests: ManifestAccess, service: ServiceState | None, request: Request
) -> Response:
    found, problem = None, None
    try:
        found = await read_for(request, logs, partial(_look, logs, datetime.now(UTC)))
    except OSError as error:
        problem = damage(error)
    status = await asyncio.to_thread(service.status) if service else None
    by_name = await manifests.by_name()
    return page(
        request,
        "overview.html",
        here="overview",
        place=logs.place,
        found=found,
        problem=problem,
        service=status,
        manifests=[manifest_row(one) for _, one in sorted(by_name.items())],
        manifests_problem=manifests.problem,
        annotators=_annotators(by_name),
        decisions=list(MARKS),
        points=[*InterventionPoint],
        most=MOST_COUNTED,
    )


def _look(logs: LogAccess, now: datetime, found: Sequence[RecordSource]) -> _Logs:
    sources = {source.origin: source for source in found}
    summaries = sorted(logs.summaries(), key=lambda one: one.last_time or "", reverse=True)
    rows = [_row(summary, sources.get(summary.log), now) for summary in summaries]
    return _Logs(rows, _counted(_search(None, _AT_ONCE, now, found), now), logs.disk())


def _row(summary: LogSummary, source: RecordSource | None, now: datetime) -> _LogRow:
    if source is None:
        return _LogRow(summary)
    day_ago = RecordPlace(_time(now - _DAY), "", 0)
    recent = summary.last_time is not None and summary.last_time >= day_ago.time
    try:
        opened = place_at(source, 0).time
        last_day = source.size - first_from(source, day_ago) if recent else 0
    except LogDamagedError:
        return _LogRow(replace(summary, state=LogState.DAMAGED))
    return _LogRow(summary, opened, last_day)


def _annotators(manifests: Mapping[str, ShownManifest]) -> list[dict[str, object]]:
    """Return each annotator by its name, with its type and the manifests that declare it."""
    found: dict[str, dict[str, list[str]]] = {}
    for name, manifest in sorted(manifests.items()):
        declared = (manifest.value or {}).get("annotators")
        for annotator, members in declared.items() if isinstance(declared, dict) else ():
            kind = str(members.get("type")) if isinstance(members, dict) else ""
            row = found.setdefault(annotator, {"types": [], "manifests": []})
            row["types"] += [kind] if kind not in row["types"] else []
            row["manifests"].append(name)
    return [{"name": name, **row} for name, row in sorted(found.items())]


async def _counts(logs: LogAccess, request: Request) -> Response:
    """Answer with counts of the records before `before`, to be added to those of the page."""
    now = datetime.now(UTC)
    try:
        before = place(request.query_params.get("before"))
        found = await read_for(request, logs, partial(_search, before, _LATER, now))
    except UnreadableFilterError as error:
        return JSONResponse({"problem": str(error)}, 400)
    except OSError as error:
        return JSONResponse({"problem": damage(error)}, 500)
    return JSONResponse(_counted(found, now))


def _search(
    before: RecordPlace | None, most: int, now: datetime, sources: Sequence[RecordSource]
) -> FoundPart:
    wanted = Wanted({"event": "decision"}, since=_time(now - _DAY))
    return search(sources, wanted, before, most=most, most_looked_at=most, parse=counted_members)


def _counted(found: FoundPart, now: datetime) -> dict[str, Json]:
    """Count decisions by verdict, point, annotator and reason of refusal, of the last hour and day."""
    hour = _time(now - timedelta(hours=1))
    counts: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for record in found.records:
        annotators = record.get("annotators")
        counted = [
            f"decision/{record.get('decision')}",
            f"point/{record.get('intervention_point')}",
            *(f"annotator/{name}" for name in (annotators if isinstance(annotators, list) else ())),
        ]
        for span in ("hour", "day") if str(record["time"]) >= hour else ("day",):
            counts.update(f"{one}/{span}" for one in counted)
        if record.get("decision") in ("deny", "escalate"):
            reasons[str(record.get("reason") or "")] += 1
    return {
        "counts": dict(counts),
        "reasons": dict(reasons.most_common(_MOST_REASONS)),
        "rest": written(found.rest),
        "looked_at": found.looked_at,
        "damage": [*found.damage],
    }


def _time(moment: datetime) -> str:
    return rfc3339(int(moment.timestamp() * 1_000_000))
