"""What the same agent was told before, at the same point for the same tool (section 8.2)."""

from collections.abc import Iterator

import orjson

from acs_sidecar.assurance.bom.selection import SelectedRecord
from acs_sidecar.audit.log.directory import LogDirectory
from acs_sidecar.audit.log.records import record_lines
from acs_sidecar.spec.values import Json

__all__ = ["similar_before"]

_MOST = 5
_STEP = 4096
_SAME = ("agent_id", "tool", "intervention_point")


def similar_before(directory: LogDirectory, record: SelectedRecord) -> list[Json]:
    """Return the last five decisions like one before it in its log, newest first.

    Raises `LogDamagedError`, `OSError`.
    """
    found: list[Json] = []
    for earlier in _before(directory, record):
        if earlier.get("event") == "decision" and all(
            earlier.get(name) == record.value.get(name) for name in _SAME
        ):
            found.append({name: earlier.get(name) for name in ("index", "decision", "reason")})
            if len(found) == _MOST:
                break
    return found


def _before(directory: LogDirectory, record: SelectedRecord) -> Iterator[dict[str, Json]]:
    """Yield the records of the same agent before one, newest first."""
    # A canonical decision begins with its agent: most others need no parsing.
    begins = orjson.dumps({"agent_id": record.value.get("agent_id")})[:-1] + b","
    end = record.index
    while end > 0:
        start = max(0, end - _STEP)
        for line in reversed([*record_lines(directory, start, end)]):
            if line.startswith(begins):
                yield orjson.loads(line)
        end = start
