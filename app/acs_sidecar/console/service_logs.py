"""The audit logs of a running service, by its API (sections 4.5, 15.1)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from acs_sidecar.audit.format.claims import LogState
from acs_sidecar.audit.format.origin import is_origin
from acs_sidecar.audit.format.tiles import parse_tile_path
from acs_sidecar.audit.log.records import LogDamagedError
from acs_sidecar.audit.read.reader import MAX_RECORDS, LogSummary, NotInLogError, UnknownLogError
from acs_sidecar.console.log_access import DiskUse
from acs_sidecar.console.service_client import ServiceClient, ServiceError
from acs_sidecar.spec.values import Json

__all__ = ["ServiceLogs", "ServiceReader"]

_HASH_BYTES: Final = 32


class ServiceReader:
    """Raw parts of the logs of a service; a name that is no log's never becomes a part of a URL."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    def checkpoint(self, log: str) -> bytes:
        """Return the newest signed checkpoint."""
        return self._client.get("/v1/audit/checkpoint", {"log": _named(log)})

    def record(self, log: str, index: int) -> bytes:
        """Return the exact line of a record."""
        line = self._client.json(f"/v1/audit/records/{index}", {"log": _named(log)}).get("record")
        return _line(line)

    def records(self, log: str, start: int, limit: int) -> list[bytes]:
        """Return up to `limit` lines, at most 1,000, from `start` on; none at the end of the log."""
        part: dict[str, str | int] = {"log": _named(log), "start": start, "limit": min(limit, MAX_RECORDS)}
        found = self._client.json("/v1/audit/records", part).get("records")
        return [_line(line) for line in _list(found)]

    def inclusion(self, log: str, index: int, size: int) -> list[bytes]:
        """Return the proof that a record is in the tree of `size` records."""
        return self._proof("/v1/audit/proofs/inclusion", log, {"index": index, "size": size})

    def consistency(self, log: str, first: int, second: int) -> list[bytes]:
        """Return the proof that the tree of `first` records is the beginning of that of `second`."""
        return self._proof("/v1/audit/proofs/consistency", log, {"from": first, "to": second})

    def tile(self, log: str, path: str) -> bytes:
        """Return a tile or a bundle of entries by its path."""
        if parse_tile_path(path) is None:
            raise NotInLogError("not the path of a tile or entry bundle")
        return self._client.get(f"/v1/audit/tlog/{quote(_named(log))}/{path}")

    def _proof(self, path: str, log: str, query: dict[str, int]) -> list[bytes]:
        found = _list(self._client.json(path, {"log": _named(log), **query}).get("proof"))
        try:
            proof = [bytes.fromhex(str(part)) for part in found]
        except ValueError:
            proof = [b""]
        if any(len(part) != _HASH_BYTES for part in proof):
            raise _foreign()
        return proof


@dataclass(frozen=True, slots=True)
class _LogOfService:
    """One log, as far as the service said that it goes."""

    reader: ServiceReader
    origin: str
    size: int

    def pieces(self, start: int, end: int) -> Iterator[tuple[int, bytes]]:
        while start < end:
            lines = self.reader.records(self.origin, start, end - start)[: end - start]
            if not lines:
                raise LogDamagedError(f"record {start} is missing")
            yield start, b"".join(line + b"\n" for line in lines)
            start += len(lines)


class ServiceLogs:
    """Reads the logs that a service has."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client
        self.reader = ServiceReader(client)

    @property
    def place(self) -> str:
        """The address of the service."""
        return self._client.address.text

    def sources(self) -> list[_LogOfService]:
        """Return the logs that have records, as they are now. Raises `OSError`."""
        return [_LogOfService(self.reader, one.log, one.size) for one in self.summaries() if one.size]

    def summaries(self) -> list[LogSummary]:
        """Describe every log. Raises `OSError`."""
        try:
            found = self._client.json("/v1/audit/logs").get("logs")
        except NotInLogError as error:  # the service writes none
            raise ServiceError(str(error)) from None
        return [_summary(one) for one in _list(found)]

    def disk(self) -> DiskUse | None:
        """Return nothing: the disk is the service's."""
        return None


def _summary(found: Json) -> LogSummary:
    match found:
        case {"log": str(log), "vkey": vkey, "state": str(state), "size": int(size), "last_time": last} if (
            is_origin(log) and size >= 0 and state in [*LogState]
        ):
            return LogSummary(log, _text(vkey), LogState(state), size, _text(last))
    raise _foreign()


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) else None


def _named(log: str) -> str:
    if not is_origin(log):
        raise UnknownLogError("no such log")
    return log


def _list(found: Json) -> list[Json]:
    if not isinstance(found, list):
        raise _foreign()
    return found


def _line(line: Json) -> bytes:
    if not isinstance(line, str):
        raise _foreign()
    return line.encode(errors="surrogatepass")


def _foreign() -> ServiceError:
    return ServiceError("what answers is not this service")
