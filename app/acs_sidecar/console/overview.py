"""The page that opens first: what is there, what was decided lately, what is wrong (section 15.2)."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from acs_sidecar.audit.format.record import rfc3339
from acs_sidecar.audit.log.records import LogDamagedError
from acs_sidecar.audit.read.search import FoundPart, RecordPlace, Wanted, search
from acs_sidecar.console.decisions import damage, place, written
from acs_sidecar.console.log_access import LogAccess
from acs_sidecar.console.rendering import MARKS, page
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.values import Json

__all__ = ["overview_routes"]

MOST_COUNTED = 1_000_000
_AT_ONCE = 5_000
_LATER = 50_000
_MOST_REASONS = 12


def overview_routes(
    logs: LogAccess, manifests: Callable[[], Awaitable[Sequence[Mapping[str, object]]]]
) -> list[Route]:
    """Return the routes; `manifests` gives a row for each manifest that is loaded."""
    return [Route("/", partial(_page, logs, manifests)), Route("/counts", partial(_counts, logs))]


async def _page(
    logs: LogAccess, manifests: Callable[[], Awaitable[Sequence[Mapping[str, object]]]], request: Request
) -> Response:
    summaries, problem, counts = [], None, None
    try:
        summaries = await asyncio.to_thread(logs.summaries)
        found = await asyncio.to_thread(_search, logs, None, _AT_ONCE)
        counts = _counted(found, datetime.now(UTC))
    except (LogDamagedError, OSError) as error:
        problem = damage(error)
    return page(
        request,
        "overview.html",
        here="overview",
        audit=str(logs.root),
        bytes=await asyncio.to_thread(logs.bytes),
        logs=summaries,
        counts=counts,
        problem=problem,
        manifests=await manifests(),
        decisions=list(MARKS),
        points=[*InterventionPoint],
        most=MOST_COUNTED,
    )


async def _counts(logs: LogAccess, request: Request) -> Response:
    """Answer with counts of the records before `before`, to be added to those of the page."""
    try:
        before = place(request.query_params.get("before"))
        found = await asyncio.to_thread(_search, logs, before, _LATER)
    except (ValueError, LogDamagedError, OSError) as error:
        return JSONResponse({"problem": damage(error)}, 400)
    return JSONResponse(_counted(found, datetime.now(UTC)))


def _search(logs: LogAccess, before: RecordPlace | None, most: int) -> FoundPart:
    since = rfc3339(int((datetime.now(UTC) - timedelta(days=1)).timestamp() * 1_000_000))
    wanted = Wanted({"event": "decision"}, since=since)
    return search(logs.sources(), wanted, before, most=most, most_looked_at=most)


def _counted(found: FoundPart, now: datetime) -> dict[str, Json]:
    """Count decisions by verdict, by point and by reason of refusal, of the last hour and day."""
    hour = rfc3339(int((now - timedelta(hours=1)).timestamp() * 1_000_000))
    counts: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for record in found.records:
        spans = ("hour", "day") if str(record["time"]) >= hour else ("day",)
        for span in spans:
            counts[f"decision/{record.get('decision')}/{span}"] += 1
            counts[f"point/{record.get('intervention_point')}/{span}"] += 1
        if record.get("decision") in ("deny", "escalate"):
            reasons[str(record.get("reason") or "")] += 1
    return {
        "counts": dict(counts),
        "reasons": dict(reasons.most_common(_MOST_REASONS)),
        "rest": written(found.rest),
        "looked_at": found.looked_at,
    }
