"""Values of an agent as JSON (section 12.5): what has no faithful JSON form is refused, never described."""

import dataclasses
import datetime
import enum
import hashlib
import json
import math
import uuid
from collections.abc import Mapping
from typing import Any

__all__ = ["SnapshotError", "decode", "encode", "to_json"]

_MAX_DEPTH = 200
_MAX_SHOWN = 200
_MIN_INTEGER, _MAX_INTEGER = -(2**63), 2**64 - 1


class SnapshotError(Exception):
    """A value cannot be sent; the text names where it stands and why."""


_encoder = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def encode(value: Any) -> bytes:
    """Return JSON that `to_json` gave as compact UTF-8 with sorted names.

    Raises `SnapshotError` for a text that is not valid Unicode.
    """
    try:
        return _encoder.encode(value).encode()
    except UnicodeEncodeError:
        raise SnapshotError("a text is not valid Unicode") from None


def decode(content: bytes) -> Any:
    """Return the value of JSON in UTF-8; raise `ValueError` for two members of one name, and for NaN."""
    return _decoder.decode(content.decode())


def _object_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("two members of an object have one name")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")


_decoder = json.JSONDecoder(object_pairs_hook=_object_of, parse_constant=_no_constant)


def to_json(value: Any) -> Any:
    """Return `value` as JSON, copied, so that nothing that happens to it later changes what was judged.

    Raises `SnapshotError` for what is not JSON: NaN, names that are not text, integers beyond 64 bits,
    nesting past 200, objects of unknown types.
    """
    try:
        return _to_json(value, 0)
    except _NotJsonError as error:
        where = "$" + "".join(reversed(error.steps))
        shown = where if len(where) <= _MAX_SHOWN else f"{where[:_MAX_SHOWN]}…"
        raise SnapshotError(f"{shown} {error}") from None


class _NotJsonError(Exception):
    """What is wrong with a value, and the steps to it, the last one first."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.steps: list[str] = []


def _to_json(value: Any, depth: int) -> Any:
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return value
    if depth > _MAX_DEPTH:
        raise _NotJsonError(f"is nested more than {_MAX_DEPTH} deep")
    if kind is dict:
        return _object(value, depth)
    if kind is list or kind is tuple:
        return _array(value, depth)
    if kind is int:
        if not _MIN_INTEGER <= value <= _MAX_INTEGER:
            raise _NotJsonError("is an integer beyond 64 bits")
        return value
    if kind is float:
        if not math.isfinite(value):
            raise _NotJsonError("is not a finite number")
        return value
    try:
        plain = _plain(value, depth)
    except _NotJsonError:
        raise
    except Exception as error:  # noqa: BLE001  # code of somebody else
        raise _NotJsonError(f"is a {kind.__name__} that has no JSON: {type(error).__name__}") from None
    return _to_json(plain, depth + 1)


def _object(value: dict[Any, Any], depth: int) -> dict[str, Any]:
    copied: dict[str, Any] = {}
    for name, item in value.items():
        if type(name) is not str:
            name = _name(name)  # noqa: PLW2901  # the name that is sent
            if name in copied or name in value:
                raise _NotJsonError("has two members of one name")
        try:
            copied[name] = item if type(item) is str else _to_json(item, depth + 1)
        except _NotJsonError as error:
            error.steps.append(f".{name}")
            raise
    return copied


def _name(name: Any) -> str:
    value = name.value if isinstance(name, enum.Enum) else name
    if not isinstance(value, str):
        raise _NotJsonError("has a name that is not text")
    return str.__str__(value)


def _array(value: list[Any] | tuple[Any, ...], depth: int) -> list[Any]:
    copied: list[Any] = []
    for item in value:
        try:
            copied.append(_to_json(item, depth + 1))
        except _NotJsonError as error:
            error.steps.append(f"[{len(copied)}]")
            raise
    return copied


def _plain(value: Any, depth: int) -> Any:
    """Return a value of one of the types of JSON that stands for `value`, one level deep."""
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return media(bytes(value), "application/octet-stream")
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, set | frozenset):
        return sorted((_to_json(item, depth + 1) for item in value), key=encode)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if not isinstance(value, type) and callable(getattr(value, "model_dump", None)):
        return value.model_dump(mode="json")
    if isinstance(value, int | float):
        return int(value) if isinstance(value, int) else float(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, list | tuple):
        return list(value)
    raise _NotJsonError(f"is a {type(value).__name__}, which is not JSON")


def media(content: bytes, media_type: str) -> dict[str, Any]:
    """Return what is sent of bytes, which policies know by their type, size and digest."""
    digest = hashlib.sha256(content).hexdigest()
    return {"type": "media", "media_type": media_type, "bytes": len(content), "sha256": digest}
