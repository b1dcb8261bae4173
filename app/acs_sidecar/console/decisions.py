"""The page of decisions: the log newest first, filtered, a bounded part of it at a time (section 15.2)."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from time import monotonic
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from acs_sidecar.audit.format.record import record_time
from acs_sidecar.audit.read.search import FoundPart, RecordPlace, RecordSource, Wanted, search
from acs_sidecar.console.log_access import LogAccess, read_for
from acs_sidecar.console.rendering import MARKS, page, rendered
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.printable import printable
from acs_sidecar.spec.values import Json

__all__ = ["damage", "decision_routes", "place", "written"]

MEMBERS: Final[Mapping[str, str]] = {
    "decision": "decision",
    "point": "intervention_point",
    "tool": "tool",
    "agent": "agent_id",
    "manifest": "manifest_digest",
    "policy": "policy_id",
    "session": "session_id",
    "trace": "trace_id",
    "event": "event",
}
"""Filters that ask for one value, with the members of the record that have it."""

_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9:.]{1,15}Z?)?", re.ASCII)
_MILLISECONDS = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,6})?", re.ASCII)
_PLACE = re.compile(r"([^ ]{1,40}) ([^ ]{1,300}) ([0-9]{1,15})((?: [^ ]{1,300} [0-9]{1,15})*)", re.ASCII)
_SIZES = re.compile(r"(?:[^ ]{1,300} [0-9]{1,15}(?: |$))*", re.ASCII)
_AT_ONCE = 20_000
"""How many records the page itself looks at; the rest is asked for while it shows."""
_LATER = 1_000_000
_LATER_SECONDS = 0.5
"""How long a request for further rows looks: each costs a browser as much as thousands of records."""
_ROWS = 50
_NEW = 60_000
_NEW_ROWS = 200


def decision_routes(logs: LogAccess) -> list[Route]:
    """Return the routes of the page and of its parts."""
    return [
        Route("/decisions", partial(_page, logs)),
        Route("/decisions/rows", partial(_rows, logs)),
        Route("/decisions/new", partial(_new, logs)),
    ]


async def _page(logs: LogAccess, request: Request) -> Response:
    filters = _filters(request)
    try:
        wanted, before = _wanted(filters), place(request.query_params.get("before"))
        first = partial(search, wanted=wanted, before=before, most=_ROWS, most_looked_at=_AT_ONCE)
        found, sizes = await read_for(request, logs, lambda sources: (first(sources), _sized(sources)))
    except UnreadableFilterError as error:
        return page(request, "decisions.html", 400, **_shown(filters, problem=str(error)))
    except OSError as error:
        return page(request, "decisions.html", **_shown(filters, problem=damage(error)))
    return page(request, "decisions.html", **_shown(filters, found, sizes))


async def _rows(logs: LogAccess, request: Request) -> Response:
    """Answer with further rows as JSON: `html`, `rest`, `looked_at`, `total`."""

    def rows(sources: Sequence[RecordSource]) -> dict[str, Json]:
        ends = monotonic() + _LATER_SECONDS
        found = search(
            sources,
            _wanted(_filters(request)),
            place(request.query_params.get("before")),
            most=_ROWS,
            most_looked_at=_LATER,
            enough=lambda: monotonic() > ends,
        )
        html = rendered(request, "rows.html", records=found.records)
        rest = written(found.rest)
        return {
            "html": html,
            "rows": len(found.records),
            "rest": rest,
            "looked_at": found.looked_at,
            "total": found.total,
            "damage": [*map(printable, found.damage)],
        }

    return await _answer(logs, request, rows)


async def _new(logs: LogAccess, request: Request) -> Response:
    """Answer with the rows that logs got since they were as long as `after` says, the newest 200 at most."""

    def rows(sources: Sequence[RecordSource]) -> dict[str, Json]:
        behind = _sizes(request.query_params.get("after", ""))
        wanted = _wanted(_filters(request))
        found = search(sources, wanted, behind=behind, most=_NEW_ROWS, most_looked_at=_NEW)
        html = rendered(request, "rows.html", records=found.records)
        damaged: list[Json] = [*map(printable, found.damage)]
        return {"html": html, "rows": len(found.records), "sizes": _sized(sources), "damage": damaged}

    return await _answer(logs, request, rows)


async def _answer(
    logs: LogAccess, request: Request, rows: Callable[[Sequence[RecordSource]], dict[str, Json]]
) -> Response:
    """Answer with rows that are read off the event loop, or with the `problem` that kept them."""
    try:
        return JSONResponse(await read_for(request, logs, rows))
    except UnreadableFilterError as error:
        return JSONResponse({"problem": str(error)}, 400)
    except OSError as error:
        return JSONResponse({"problem": damage(error)}, 500)


class UnreadableFilterError(ValueError):
    """A filter that is no time or no place; the message says which."""


def written(place: RecordPlace | None) -> str | None:
    """Write a place for a link."""
    if place is None:
        return None
    return f"{place.time} {place.log} {place.position}" + "".join(f" {log} {end}" for log, end in place.ends)


def _filters(request: Request) -> dict[str, str]:
    names = (*MEMBERS, "reason", "since", "until", "took")
    return {name: request.query_params.get(name, "").strip()[:300] for name in names}


def _wanted(filters: Mapping[str, str]) -> Wanted:
    if (took := filters["took"]) and not _MILLISECONDS.fullmatch(took):
        raise UnreadableFilterError("`took` is not a number of milliseconds: write it as 2.5")
    members = {member: filters[name] for name, member in MEMBERS.items() if filters[name]}
    return Wanted(
        members,
        filters["reason"] or None,
        _time(filters, "since"),
        _time(filters, "until"),
        round(float(took) * 1000, 3) if took else None,
    )


def _time(filters: Mapping[str, str], name: str) -> str | None:
    """Return a time in the form of a record's, whose texts are compared: `…00Z` sorts behind `…00.5Z`."""
    text = filters[name]
    try:
        if _TIME.fullmatch(text):
            return record_time(text)
    except ValueError:
        pass
    if text:
        raise UnreadableFilterError(f"`{name}` is not a time: write it as 2026-01-31T14:05")
    return None


def place(text: str | None) -> RecordPlace | None:
    """Read a place out of a link. Raises `UnreadableFilterError`."""
    if not text:
        return None
    if (match := _PLACE.fullmatch(text)) is None:
        raise UnreadableFilterError("the link to further records is damaged: open the page again")
    ends = match[4].split()
    return RecordPlace(
        match[1], match[2], int(match[3]), tuple(zip(ends[::2], map(int, ends[1::2]), strict=True))
    )


def _sized(sources: Sequence[RecordSource]) -> str:
    """Write how long each log is."""
    return " ".join(f"{source.origin} {source.size}" for source in sources)


def _sizes(text: str) -> dict[str, int]:
    """Read how long each log was. Raises `UnreadableFilterError`."""
    if not _SIZES.fullmatch(text):
        raise UnreadableFilterError("what was shown already is damaged: open the page again")
    words = text.split()
    return dict(zip(words[::2], map(int, words[1::2]), strict=True))


def _shown(
    filters: Mapping[str, str], found: FoundPart | None = None, sizes: str = "", problem: str | None = None
) -> dict[str, object]:
    return {
        "here": "decisions",
        "filters": filters,
        "found": found,
        "rest": written(found.rest) if found else None,
        "sizes": sizes,
        "problem": problem,
        "decisions": list(MARKS),
        "points": [*InterventionPoint],
    }


def damage(error: Exception) -> str:
    """Return what is wrong with a log."""
    if isinstance(error, OSError):
        return f"the log cannot be read: {error.strerror}"
    return f"{error}: run `acs-sidecar audit verify` for details"
