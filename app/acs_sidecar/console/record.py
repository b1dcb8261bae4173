"""The page of one record, and the raw bytes that the browser verifies it from (sections 15.2, 15.3)."""

import asyncio
import base64
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from acs_sidecar.audit.format.checkpoint import Checkpoint
from acs_sidecar.audit.format.note import NoteError, SignedNote
from acs_sidecar.audit.format.receipt import Receipt
from acs_sidecar.audit.format.record import parse_record
from acs_sidecar.audit.log.records import LogDamagedError
from acs_sidecar.audit.read.reader import NotInLogError, UnknownLogError
from acs_sidecar.console.decisions import damage
from acs_sidecar.console.log_access import LogAccess
from acs_sidecar.console.manifest_set import ManifestAccess
from acs_sidecar.console.rendering import page
from acs_sidecar.spec.values import Json

__all__ = ["record_routes"]

_SERVICE = "http://127.0.0.1:8383"
"""Where a service is that nobody gave an address for."""

_NEAR = 500
"""How many records before and behind one are looked at for its neighbours."""
_MOST_NEIGHBOURS = 20
_GROUPS = {"session_id": "In the same session", "trace_id": "In the same trace"}
_Raw = Callable[[LogAccess, Request], Response]


def record_routes(logs: LogAccess, manifests: ManifestAccess) -> list[Route]:
    """Return the routes of one record and of raw bytes; `manifests` are those that are loaded."""
    return [
        Route("/record/{log:path}/{index:int}", partial(_page, logs, manifests)),
        Route("/log/{log:path}/receipt/{index:int}", partial(_answer, logs, _receipt)),
        Route("/log/{log:path}/checkpoint", partial(_answer, logs, _checkpoint)),
        Route("/log/{log:path}/consistency/{first:int}/{second:int}", partial(_answer, logs, _consistency)),
        Route("/log/{log:path}/tile/{tile:path}", partial(_answer, logs, _tile)),
    ]


async def _page(logs: LogAccess, manifests: ManifestAccess, request: Request) -> Response:
    log, index = request.path_params["log"], request.path_params["index"]
    try:
        record, near = await asyncio.to_thread(_read, logs, log, index)
    except (UnknownLogError, NotInLogError) as error:
        return page(request, "problem.html", HTTPStatus.NOT_FOUND, here="decisions", problem=str(error))
    except (LogDamagedError, OSError) as error:
        return page(request, "problem.html", HTTPStatus.CONFLICT, here="decisions", problem=damage(error))
    by_name = await manifests.by_name()
    digest = record.get("manifest_digest")
    return page(
        request,
        "record.html",
        here="decisions",
        record=record,
        neighbours=_neighbours(record, near),
        service=logs.place if logs.place.startswith("http") else _SERVICE,
        loaded_as=next((name for name, one in by_name.items() if digest and one.digest == digest), None),
    )


def _read(logs: LogAccess, log: str, index: int) -> tuple[Mapping[str, Json], list[Mapping[str, Json]]]:
    start = max(0, index - _NEAR)
    lines = logs.reader.records(log, start, 2 * _NEAR)
    if not 0 <= index - start < len(lines):
        raise NotInLogError("the log has no such record")
    records = [parse_record(line) for line in lines]
    record = records[index - start]
    if record is None:
        raise LogDamagedError(f"record {index} is not a record")
    return record, [one for one in records if one is not None and one is not record]


def _neighbours(
    record: Mapping[str, Json], near: Sequence[Mapping[str, Json]]
) -> dict[str, list[Mapping[str, Json]]]:
    groups = {}
    for member, title in _GROUPS.items():
        if (value := record.get(member)) is not None:
            same = [one for one in near if one.get(member) == value]
            same.sort(key=lambda one: abs(int(str(one["index"])) - int(str(record["index"]))))
            groups[title] = sorted(same[:_MOST_NEIGHBOURS], key=lambda one: int(str(one["index"])))
    return groups


async def _answer(logs: LogAccess, read: _Raw, request: Request) -> Response:
    try:
        return await asyncio.to_thread(read, logs, request)
    except (UnknownLogError, NotInLogError) as error:
        return PlainTextResponse(str(error), HTTPStatus.NOT_FOUND)
    except NoteError as error:
        return PlainTextResponse(f"the log has no checkpoint that can be read: {error}", HTTPStatus.CONFLICT)
    except UnicodeDecodeError:
        return PlainTextResponse("the record or the checkpoint is not UTF-8", HTTPStatus.CONFLICT)
    except (LogDamagedError, OSError) as error:
        return PlainTextResponse(damage(error), HTTPStatus.CONFLICT)


def _receipt(logs: LogAccess, request: Request) -> Response:
    """Answer with a receipt that nobody has checked: that is for the browser to do."""
    log, index = request.path_params["log"], request.path_params["index"]
    note = logs.reader.checkpoint(log)
    size = Checkpoint.parse(SignedNote.parse(note).text).size
    receipt = Receipt(
        logs.reader.record(log, index), index, tuple(logs.reader.inclusion(log, index, size)), note
    )
    name = f"receipt-{log.replace('/', '-')}-{index}.json"
    return JSONResponse(receipt.as_json(), headers={"content-disposition": f'attachment; filename="{name}"'})


def _checkpoint(logs: LogAccess, request: Request) -> Response:
    return PlainTextResponse(logs.reader.checkpoint(request.path_params["log"]))


def _consistency(logs: LogAccess, request: Request) -> Response:
    sizes = request.path_params["first"], request.path_params["second"]
    proof = logs.reader.consistency(request.path_params["log"], *sizes)
    return JSONResponse([base64.b64encode(part).decode() for part in proof])


def _tile(logs: LogAccess, request: Request) -> Response:
    found = logs.reader.tile(request.path_params["log"], f"tile/{request.path_params['tile']}")
    return Response(found, media_type="application/octet-stream")
