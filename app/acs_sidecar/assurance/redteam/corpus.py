"""Corpora of attacks and of harmless texts that resemble them, one entry a line (section 8.4)."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import orjson

from acs_sidecar.spec.canonical import digest
from acs_sidecar.spec.document.duplicate_members import has_duplicate_members
from acs_sidecar.spec.document.suggestions import unknown_members
from acs_sidecar.spec.points import POINT_NAMES, InterventionPoint
from acs_sidecar.spec.values import Json, JsonObject, deeper_than

__all__ = [
    "MAX_LINE_BYTES",
    "TECHNIQUES",
    "AttackCorpusError",
    "Corpus",
    "CorpusEntry",
    "Expectation",
    "read_entries",
]

MAX_LINE_BYTES = 64 * 1024
_MAX_DEPTH = 32
_MAX_ENTRIES = 20_000

TECHNIQUES = (
    "direct_override",
    "indirect_injection",
    "role_play",
    "prompt_extraction",
    "fake_turn",
    "hidden_text",
    "data_exfiltration",
    "bulk_dump",
    "credential_theft",
    "shell",
    "file_access",
    "identity_claim",
    "policy_tampering",
    "tool_poisoning",
    "collusion",
    "memory_poisoning",
    "encoded_payload",
    "forged_approval",
    "tool_chaining",
    "runaway_loop",
)
"""The techniques of the built-in corpus; other corpora may have others."""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/-]{0,127}")
_TECHNIQUE = re.compile(r"[a-z][a-z0-9_]{0,63}")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})?")
_OWASP = tuple(f"ASI{number:02}" for number in range(1, 11))
_MEMBERS = ("id", "technique", "owasp", "points", "payload", "snapshot", "expect", "twin", "language")


class AttackCorpusError(ValueError):
    """What is wrong with a corpus; each finding begins with the file and the line."""

    def __init__(self, findings: Sequence[str]) -> None:
        super().__init__("; ".join(findings))
        self.findings = tuple(findings)


class Expectation(StrEnum):
    """What a policy should do with an entry."""

    STOP = "stop"
    PASS = "pass"  # noqa: S105  # a verdict, not a password


@dataclass(frozen=True, slots=True)
class CorpusEntry:
    """An attack (`stop`), or a harmless text (`pass`).

    It is a `payload` to be put into texts, or a whole `snapshot`. Without `points` it is for every point.
    What is `held_out` is counted, and never shown.
    """

    id: str
    technique: str
    owasp: tuple[str, ...]
    points: frozenset[InterventionPoint] | None
    payload: str | None
    snapshot: dict[str, Json] | None
    expect: Expectation
    twin: str | None
    language: str | None
    held_out: bool

    def concerns(self, point: InterventionPoint) -> bool:
        """True if it is for this point."""
        return self.points is None or point in self.points


@dataclass(frozen=True, slots=True)
class Corpus:
    """The entries of one corpus, in the order of its files and lines."""

    name: str
    digest: str
    entries: Sequence[CorpusEntry]

    @classmethod
    def of(cls, name: str, files: Mapping[str, bytes]) -> "Corpus":
        """Read the files of a corpus by name; those whose names begin with `heldout` are held out.

        Raises `AttackCorpusError`.
        """
        findings: list[str] = []
        entries: list[CorpusEntry] = []
        places: dict[str, str] = {}
        lines: list[Json] = []
        for file, content in sorted(files.items()):
            for place, entry, value in read_entries(file, content, findings):
                if entry.id in places:
                    findings.append(f"{place}: `id`: `{entry.id}` is already used at {places[entry.id]}")
                places.setdefault(entry.id, place)
                entries.append(entry)
                lines.append(value)
        if len(entries) > _MAX_ENTRIES:
            findings.append(f"{name}: exceeds {_MAX_ENTRIES} entries")
        findings.extend(_twin_findings(entries, places))
        if not entries and not findings:
            findings.append(f"{name}: holds no entry")
        if findings:
            raise AttackCorpusError(findings)
        return cls(name, digest(lines), tuple(entries))


def read_entries(file: str, content: bytes, findings: list[str]) -> Iterator[tuple[str, CorpusEntry, Json]]:
    """Yield the well-formed entries of a file with their places; what is wrong goes to `findings`."""
    held_out = file.rpartition("/")[2].startswith("heldout")
    for number, line in enumerate(content.split(b"\n"), start=1):
        if not line.strip():
            continue
        place = f"{file}:{number}"
        value, problem = _parsed(line)
        if value is None:
            findings.append(f"{place}: {problem}")
            continue
        problems = list(_problems(value))
        if problems:
            findings.extend(f"{place}: {each}" for each in problems)
            continue
        yield place, _entry(value, held_out), value


def _parsed(line: bytes) -> tuple[dict[str, Json] | None, str]:
    if len(line) > MAX_LINE_BYTES:
        return None, f"exceeds {MAX_LINE_BYTES} bytes"
    try:
        value: Json = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return None, f"is not valid JSON: column {error.colno}"
    if not isinstance(value, dict):
        return None, "is not a JSON object"
    if has_duplicate_members(line, value):
        return None, "an object has a member twice"
    return value, ""


def _problems(value: JsonObject) -> Iterator[str]:
    """Yield what is wrong with the members of an entry."""
    for name, message in unknown_members(value, _MEMBERS):
        yield f"`{name}`: {message}"
    yield from _text_problems(value)
    owasp = value.get("owasp")
    if not _is_list_of(owasp, _OWASP):
        yield "`owasp` must be a list of `ASI01` to `ASI10`"
    if "points" in value and not _is_list_of(value["points"], POINT_NAMES):
        yield f"`points` must be a list of intervention points: {', '.join(sorted(POINT_NAMES))}"
    if value.get("expect") not in tuple(Expectation):
        yield "`expect` must be `stop` or `pass`"
    if ("payload" in value) == ("snapshot" in value):
        yield "must have either `payload` or `snapshot`"
    if "snapshot" in value:
        snapshot = value["snapshot"]
        if not isinstance(snapshot, dict):
            yield "`snapshot` must be an object"
        elif deeper_than(snapshot, _MAX_DEPTH):
            yield f"`snapshot` is nested more than {_MAX_DEPTH} levels deep"
        if "points" not in value:
            yield "`points` is missing: a snapshot is that of certain intervention points"


def _text_problems(value: JsonObject) -> Iterator[str]:
    for name, form in (("id", _ID), ("technique", _TECHNIQUE), ("language", _LANGUAGE)):
        text = value.get(name)
        if name not in value:
            if name != "language":
                yield f"`{name}` is missing"
        elif not isinstance(text, str) or not form.fullmatch(text):
            yield f"`{name}` must be a string of the form `{form.pattern}`"
    for name in ("payload", "twin"):
        text = value.get(name, "…")
        if not isinstance(text, str) or not text.strip():
            yield f"`{name}` must be a non-blank string"


def _is_list_of(value: Json, names: Iterable[str]) -> bool:
    known = set(names)
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(each, str) and each in known for each in value)
        and len({str(each) for each in value}) == len(value)
    )


def _entry(value: JsonObject, held_out: bool) -> CorpusEntry:
    named, owasp, snapshot = value.get("points"), value.get("owasp"), value.get("snapshot")
    points = [InterventionPoint(str(point)) for point in named] if isinstance(named, list) else None
    return CorpusEntry(
        id=str(value["id"]),
        technique=str(value["technique"]),
        owasp=tuple(map(str, owasp)) if isinstance(owasp, list) else (),
        points=None if points is None else frozenset(points),
        payload=_text(value.get("payload")),
        snapshot=snapshot if isinstance(snapshot, dict) else None,
        expect=Expectation(str(value["expect"])),
        twin=_text(value.get("twin")),
        language=_text(value.get("language")),
        held_out=held_out,
    )


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) else None


def _twin_findings(entries: Sequence[CorpusEntry], places: Mapping[str, str]) -> Iterator[str]:
    """Yield what is wrong with references between an attack and its harmless twin."""
    by_id = {entry.id: entry for entry in entries}
    for entry in entries:
        if entry.twin is None:
            continue
        other = by_id.get(entry.twin)
        if other is None:
            yield f"{places[entry.id]}: `twin`: no entry has the id `{entry.twin}`"
        elif other.expect is entry.expect:
            yield f"{places[entry.id]}: `twin`: `{entry.twin}` has the same `expect`"
