"""Routes of the audit log: records, proofs, receipts and tiles (section 4.5)."""

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from acs_sidecar.audit.format.claims import LogState
from acs_sidecar.audit.log.ports import LiveView
from acs_sidecar.audit.log.records import LogDamagedError
from acs_sidecar.audit.read.reader import MAX_RECORDS, AuditReader, NotInLogError, UnknownLogError
from acs_sidecar.decision.refusal import Cause, RefusalError
from acs_sidecar.runtime import Runtime
from acs_sidecar.spec.values import Json
from acs_sidecar.transports.http.dependencies import current_runtime
from acs_sidecar.transports.http.schema_parts import reference

__all__ = ["router"]

router = APIRouter(
    prefix="/v1/audit",
    tags=["audit"],
    responses={404: {"description": "there is no such log, or no such record in it"}},
)
Current = Annotated[Runtime, Depends(current_runtime)]
LogName = Annotated[
    str | None, Query(description="a log's name; without it, the answering worker's current log")
]
Result = TypeVar("Result")

_MAY_BE_CLOSED: dict[int | str, dict[str, Any]] = {503: {"description": "the audit log is not open"}}

Hash = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Log(BaseModel):
    """A log in the audit directory."""

    log: str
    vkey: str | None = Field(description="the verifier key, which must be pinned out of band")
    state: LogState
    size: int = Field(ge=0)
    last_time: str | None


class LogList(BaseModel):
    """Every log, other workers' and closed ones included."""

    logs: list[Log]


class Records(BaseModel):
    """The exact lines of some records."""

    log: str
    start: int = Field(ge=0)
    records: list[str]


class Record(BaseModel):
    """The exact line of one record."""

    log: str
    index: int = Field(ge=0)
    record: str


class Proof(BaseModel):
    """An RFC 9162 proof: hashes in hexadecimal."""

    log: str
    proof: list[Hash]


@router.get("/logs", response_description="every log with its size and state")
async def list_audit_logs(runtime: Current) -> LogList:
    """List every log."""
    reader = _reader(runtime)
    damage = runtime.audit.damage if runtime.audit else ()
    found = await run_in_threadpool(reader.logs, frozenset(one.log for one in damage))
    return LogList(logs=[Log.model_validate(summary.as_json()) for summary in found])


@router.get(
    "/checkpoint",
    response_class=Response,
    response_description="the checkpoint: origin, size, root hash and signatures",
    responses=_MAY_BE_CLOSED | {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def get_checkpoint(runtime: Current, log: LogName = None) -> Response:
    """Return the newest signed checkpoint, as a C2SP note."""
    _, note = await _read(runtime, log, lambda reader, name, live: reader.checkpoint(name, live))
    return Response(note, media_type="text/plain; charset=utf-8")


@router.get("/records", response_description="lines in order, at most `limit`", responses=_MAY_BE_CLOSED)
async def list_records(
    runtime: Current,
    start: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=MAX_RECORDS)] = 100,
    log: LogName = None,
) -> Records:
    """Return the lines of some records."""
    name, lines = await _read(
        runtime, log, lambda reader, name, live: reader.records(name, start, limit, live)
    )
    return Records(log=name, start=start, records=[line.decode() for line in lines])


@router.get("/records/{index}", response_description="the line", responses=_MAY_BE_CLOSED)
async def get_record(runtime: Current, index: int, log: LogName = None) -> Record:
    """Return the line of one record."""
    name, line = await _read(runtime, log, lambda reader, name, live: reader.record(name, index, live))
    return Record(log=name, index=index, record=line.decode())


@router.get("/proofs/inclusion", response_description="the inclusion proof", responses=_MAY_BE_CLOSED)
async def get_inclusion_proof(
    runtime: Current, index: int, size: int | None = None, log: LogName = None
) -> Proof:
    """Prove that a record is in the tree of the first `size` records."""
    name, proof = await _read(
        runtime, log, lambda reader, name, live: reader.inclusion(name, index, size, live)
    )
    return Proof(log=name, proof=[part.hex() for part in proof])


@router.get("/proofs/consistency", response_description="the consistency proof", responses=_MAY_BE_CLOSED)
async def get_consistency_proof(
    runtime: Current,
    first: Annotated[int, Query(alias="from")],
    second: Annotated[int, Query(alias="to")],
    log: LogName = None,
) -> Proof:
    """Prove that the tree of the first `from` records is the beginning of that of the first `to`."""
    name, proof = await _read(
        runtime, log, lambda reader, name, live: reader.consistency(name, first, second, live)
    )
    return Proof(log=name, proof=[part.hex() for part in proof])


@router.get(
    "/receipts/{index}",
    response_model=None,
    response_description="the receipt",
    responses=_MAY_BE_CLOSED | {200: {"content": {"application/json": {"schema": reference("Receipt")}}}},
)
async def get_receipt(runtime: Current, index: int, log: LogName = None) -> dict[str, Json]:
    """Return one JSON that verifies offline: the record, its inclusion proof, the signed checkpoint."""
    _, found = await _read(runtime, log, lambda reader, name, live: reader.receipt(name, index, live))
    return found.as_json()


@router.get(
    "/tlog/{name}/{instance}/{worker}/{epoch}/{path:path}",
    response_class=Response,
    responses=_MAY_BE_CLOSED
    | {
        200: {
            "description": "a tile, a bundle of entries, or the checkpoint",
            "content": {
                "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
                "text/plain": {"schema": {"type": "string"}},
            },
        }
    },
)
async def get_tile(
    runtime: Current, name: str, instance: str, worker: str, epoch: str, path: str
) -> Response:
    """Serve a log in the C2SP tlog-tiles layout, for public tools."""
    log = f"{name}/{instance}/{worker}/{epoch}"
    if path == "checkpoint":
        return await get_checkpoint(runtime, log)
    _, content = await _read(runtime, log, lambda reader, name, live: reader.tile(name, path, live))
    return Response(content, media_type="application/octet-stream")


async def _read(
    runtime: Runtime, log: str | None, read: Callable[[AuditReader, str, LiveView | None], Result]
) -> tuple[str, Result]:
    """Read off the event loop, from the log asked for or the current one. Raises `RefusalError`."""
    reader = _reader(runtime)
    live = runtime.audit.view() if runtime.audit else None
    name = log or (live.origin if live else None)
    if name is None:
        raise RefusalError(Cause.UNAVAILABLE, "the audit log is not open")
    try:
        return name, await run_in_threadpool(read, reader, name, live)
    except UnknownLogError as error:
        raise RefusalError(Cause.NOT_FOUND, str(error)) from None
    except NotInLogError as error:
        raise RefusalError(Cause.NOT_FOUND, str(error)) from None
    except LogDamagedError:
        raise RefusalError(Cause.FAULT, "the audit log is damaged at this position") from None


def _reader(runtime: Runtime) -> AuditReader:
    if runtime.reader is None:
        raise RefusalError(Cause.NOT_FOUND, "no audit log is written (ACS_AUDIT_DURABILITY=none)")
    return runtime.reader
