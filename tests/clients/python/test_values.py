"""Values of an agent as JSON: what has no faithful form is refused, never described (section 12.5)."""

import dataclasses
import enum
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from acs_client import Client
from acs_client.values import SnapshotError, encode, to_json


class Colour(enum.Enum):
    """A value of an enumeration."""

    RED = "red"


@dataclasses.dataclass
class Point:
    """A value of a class of data."""

    x: int
    colour: Colour


class Unwilling:
    """A value whose own code fails."""

    def model_dump(self, **_: Any) -> Any:
        """Fail."""
        raise ZeroDivisionError


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ({"a": (1, 2.5, None, True)}, {"a": [1, 2.5, None, True]}),
        (Point(1, Colour.RED), {"x": 1, "colour": "red"}),
        ({Colour.RED: {3, 1, 2}}, {"red": [1, 2, 3]}),
        (datetime(2025, 1, 15, tzinfo=UTC), "2025-01-15T00:00:00+00:00"),
        (uuid.UUID(int=0), "00000000-0000-0000-0000-000000000000"),
        (
            b"abc",
            {
                "type": "media",
                "media_type": "application/octet-stream",
                "bytes": 3,
                "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            },
        ),
    ],
)
def test_values_as_json(value: Any, sent: Any) -> None:
    """What has a faithful form in JSON is sent in it."""
    assert to_json(value) == sent


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": [object()]}, r"\$\.a\[0\] is a object, which is not JSON"),
        ({"a": float("nan")}, r"\$\.a is not a finite number"),
        ({1: 2}, r"\$ has a name that is not text"),
        ({Colour.RED: 1, "red": 2}, r"\$ has two members of one name"),
        (2**64, r"\$ is an integer beyond 64 bits"),
        (-(2**63) - 1, r"\$ is an integer beyond 64 bits"),
        (Client, r"\$ is a type, which is not JSON"),
        ({"a": Unwilling()}, r"\$\.a is a Unwilling that has no JSON: ZeroDivisionError"),
    ],
)
def test_values_that_are_not_json(value: Any, message: str) -> None:
    """Everything else is refused by its place, and never described."""
    with pytest.raises(SnapshotError, match=message):
        to_json(value)


def test_a_value_that_holds_itself() -> None:
    """Nesting has an end."""
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(SnapshotError, match="is nested more than 200 deep"):
        to_json(loop)
    deep: frozenset[Any] = frozenset()
    for _ in range(1000):
        deep = frozenset([deep])
    with pytest.raises(SnapshotError, match="is nested more than 200 deep"):
        to_json(deep)
    with pytest.raises(SnapshotError, match="a text is not valid Unicode"):
        encode("\ud800")
