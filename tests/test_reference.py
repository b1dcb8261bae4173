"""The reference against the code: the canonical form (section 1.8), the audit record (section 4.1), the tables."""

import hashlib
import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given

import acs_sidecar
from acs_sidecar.audit.format.record import AuditEntry, record_line
from acs_sidecar.spec.canonical import canonical, digest
from acs_sidecar.spec.streams.vocabulary import StreamSpan, TrackName
from acs_sidecar.spec.values import Json
from docs.generate.emitted import diagnostic_codes
from docs.generate.texts import TextsError, require_entries, require_same
from tests.conftest import ROOT
from tests.strategies import json_values

PAGE = (ROOT / "docs" / "reference" / "canonical-form.md").read_text()
VECTORS: list[dict[str, Any]] = json.loads(PAGE.split('```json title="vectors"\n')[1].split("```")[0])
SHORT_ESCAPES = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"', "\\": "\\\\"}


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["text"])
def test_a_vector(vector: dict[str, Any]) -> None:
    """The text has the canonical form and the digest of the page, or is refused."""
    if vector["canonical"] is None:
        with pytest.raises(orjson.JSONDecodeError):
            orjson.loads(vector["text"])
        return
    value = orjson.loads(vector["text"])
    assert canonical(value).decode() == vector["canonical"] == by_the_rules(value)
    assert digest(value) == vector["digest"]
    assert vector["digest"] == "sha256:" + hashlib.sha256(vector["canonical"].encode()).hexdigest()


@given(json_values())
def test_the_rules_of_the_page_give_the_canonical_form(value: Json) -> None:
    """What the page says, followed by another program, gives the same bytes."""
    assert by_the_rules(value).encode() == canonical(value)


def by_the_rules(value: Json) -> str:
    """Serialise by the rules of the page, without the serialiser of the service."""
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode())
        return "{" + ",".join(f"{text(name)}:{by_the_rules(value[name])}" for name in names) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(by_the_rules, value)) + "]"
    if isinstance(value, str):
        return text(value)
    if isinstance(value, float):
        return number(value)
    if value is None:
        return "null"
    return str(value).lower()


def text(value: str) -> str:
    """A string with the escapes that are required."""
    escaped = (
        SHORT_ESCAPES.get(character, character if character >= " " else f"\\u{ord(character):04x}")
        for character in value
    )
    return '"' + "".join(escaped) + '"'


def number(value: float) -> str:
    """A double: its shortest digits, without an exponent from 0.00001 to below 10 to the 16th."""
    shortest = Decimal(repr(value))
    if value == 0 or 1e-5 <= abs(value) < 1e16:
        plain = f"{shortest:f}"
        return plain if "." in plain else f"{plain}.0"
    sign, digits, exponent = shortest.as_tuple()
    assert isinstance(exponent, int)
    kept = "".join(map(str, digits)).rstrip("0") or "0"
    power = exponent + len(digits) - 1
    fraction = f".{kept[1:]}" if kept[1:] else ""
    return f"{'-' if sign else ''}{kept[0]}{fraction}e{power:+d}"


def test_the_page_of_the_record_has_each_member() -> None:
    """Section 4.1 has a row for each member of a record, for each event, and for nothing else."""
    section = (ROOT / "docs" / "reference" / "4-audit.md").read_text().split("## 4.1 ")[1].split("## 4.2 ")[0]
    rows = {
        name
        for row in re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
        for name in re.findall(r"`([a-z_]+)`", row)
    }
    members = json.loads(
        record_line(
            AuditEntry(
                "deny",
                "input",
                notes={"decided_by": None, "logged": []},
                stream_span=StreamSpan("id", TrackName.REQUEST, 0, 1),
                warnings=("late",),
                evidence_truncated=True,
            ),
            "log",
            0,
            "id",
            "time",
        )
    )
    assert rows == members.keys() | service_records()


def service_records() -> set[str]:
    """The events that the code records of itself."""
    return {
        event
        for path in Path(acs_sidecar.__file__).parent.rglob("*.py")
        for event in re.findall(r'ServiceEvent\(\s*"([a-z_]+)"', path.read_text())
    }


@pytest.mark.slow
def test_every_way_to_give_a_code_is_found() -> None:
    """Codes are found where they are constants, defaults, parts of a tuple, of an enum, and in a helper's module."""
    assert {
        "cedar-schema-syntax",
        "annotator-member-invalid",
        "rego-nondeterministic",
        "fetch-pin-mismatch",
        "rego-object-pattern",
        "access-file",
    } <= diagnostic_codes()


def test_what_has_no_text_or_is_gone_is_named() -> None:
    """A table does not build while a text is missing, superfluous, given twice, or not whole."""
    with pytest.raises(TextsError) as caught:
        require_same("codes.yaml", ["b", "c", "c"], ["a", "c"])
    assert str(caught.value) == (
        "docs/generate/data/codes.yaml: `a` has no text; `b` is not in the code; `c` is there twice"
    )
    with pytest.raises(TextsError) as caught:
        require_entries("codes.yaml", {"a": {"what": "it is"}}, "what", "mend")
    assert str(caught.value) == "docs/generate/data/codes.yaml: `a` needs what and mend"
