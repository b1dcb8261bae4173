"""The vectors that come with the command, and how an implementation's answers are judged (section 9.7)."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.resources import files

import orjson

from acs_sidecar.spec.document.duplicate_members import has_duplicate_members
from acs_sidecar.spec.values import Json

__all__ = ["PROFILES", "Outcome", "Vector", "load_vectors", "run_vectors"]

PROFILES = ("identity", "policy", "signing")


@dataclass(frozen=True, slots=True)
class Vector:
    """One request of the protocol, and what its answer must have."""

    id: str
    profile: str
    request: dict[str, Json]
    expect: dict[str, Json]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an implementation answered to a vector."""

    vector: Vector
    passed: bool
    answered: str

    @property
    def expected(self) -> str:
        """What the answer must have, as text."""
        return "an error" if self.vector.expect.get("error") else json.dumps(self.vector.expect)


def load_vectors() -> list[Vector]:
    """Return all vectors."""
    text = files("acs_sidecar.cli.policies.oags").joinpath("vectors.jsonl").read_text(encoding="utf-8")
    return [_vector(json.loads(line)) for line in text.splitlines()]


def run_vectors(vectors: Iterable[Vector], ask: Callable[[bytes], bytes], *, rules: bool) -> list[Outcome]:
    """Ask an implementation each vector; the rule beside a denial counts with `rules` alone."""
    outcomes = []
    for vector in vectors:
        line = ask(orjson.dumps(vector.request))
        outcomes.append(Outcome(vector, _passes(vector, line, rules), line.decode(errors="replace")))
    return outcomes


def _vector(entry: dict[str, Json]) -> Vector:
    request = {"operation": entry["operation"], "params": entry["params"]}
    expect = entry["expect"]
    return Vector(
        str(entry["id"]), str(entry["profile"]), request, expect if isinstance(expect, dict) else {}
    )


def _passes(vector: Vector, line: bytes, rules: bool) -> bool:
    try:
        answered = orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    if not isinstance(answered, dict) or has_duplicate_members(line, answered):
        return False
    if vector.expect.get("error"):
        return "error" in answered and "result" not in answered
    wanted = {name: value for name, value in vector.expect.items() if rules or name != "rule"}
    return "error" not in answered and all(
        type(answered.get(name)) is type(value) and answered.get(name) == value
        for name, value in wanted.items()
    )
