"""Reads what is counted of a decision out of its line without parsing all of it (section 15.2)."""

from typing import Final

from acs_sidecar.audit.read.search import parsed_record
from acs_sidecar.spec.values import Json

__all__ = ["counted_members"]

_NAMES: Final = ("decision", "event", "intervention_point", "reason", "time")
_WRITTEN: Final = tuple((name, f'"{name}":'.encode()) for name in _NAMES)
_LIST: Final = b'"annotators":['
_NEXT: Final = b'],"caller":'
_QUOTE, _COMMA = ord('"'), ord(",")


def counted_members(line: bytes, log: str, index: int) -> dict[str, Json] | None:
    """Return annotators, decision, event, point, reason and time of a record that the log has at that place.

    A record's members stand in the order of their names, and none before its time is an object, so that the
    first text `"decision":` is that member. A line with an escape, or of another form, is parsed as a whole,
    with all members; `None` where it is no record.
    """
    if b"\\" in line or not line.startswith(b'{"agent_id":'):
        return parsed_record(line, log, index)
    try:
        end = line.index(_LIST) + len(_LIST)
        names: list[Json] = []
        while line[end] == _QUOTE:
            at, end = end, line.index(b'"', end + 1) + 1
            names.append(line[at + 1 : end - 1].decode())
            end += line[end] == _COMMA
        if not line.startswith(_NEXT, end):
            return parsed_record(line, log, index)
        members: dict[str, Json] = {"annotators": names, "log": log, "index": index}
        for name, written in _WRITTEN:
            at = line.index(written, end) + len(written)
            if line[at] == _QUOTE:
                end = line.index(b'"', at + 1)
                members[name] = line[at + 1 : end].decode()
            else:
                members[name], end = None, at
    except (ValueError, IndexError):
        return parsed_record(line, log, index)
    return members if members["event"] == "decision" else parsed_record(line, log, index)
