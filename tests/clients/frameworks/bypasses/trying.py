"""Tries ways round an adapter, and prints what ran, what came of each, and whether a secret was seen.

Runs in the environment of a framework, beside the client and the standard library alone.
"""

import json
import os
from collections.abc import Callable
from typing import Any

from acs_client import Blocked, Client, Session

__all__ = ["RAN", "delete_file", "main", "search"]

RAN: list[str] = []
_SECRET = "secret-123"  # noqa: S105  # what no policy lets pass
Ways = dict[str, Callable[[Session], Any]]


def delete_file(path: str) -> str:
    """Delete."""
    RAN.append("delete_file")
    return f"{path} is gone, {_SECRET}"


def search(q: str) -> str:
    """Search."""
    RAN.append("search")
    return f"found {q}"


def _came(way: Callable[[Session], Any], client: Client) -> list[Any]:
    RAN.clear()
    points: list[str] = []
    session = client.session("a", on_decision=lambda decision: points.append(decision.point))
    try:
        said = str(way(session))
    except Exception as error:  # noqa: BLE001  # what the host gets
        causes = [error, error.__cause__]
        said = next(
            (f"{held.point}: {held.cause}" for held in causes if isinstance(held, Blocked)), repr(error)
        )
    return [list(RAN), _SECRET in said, said, points]


def main(ways: Ways) -> None:
    """Try all of them."""
    with Client(manifest="governed", timeout=20) as client:
        came = {name: _came(way, client) for name, way in ways.items()}
    os.write(1, json.dumps(came).encode())
