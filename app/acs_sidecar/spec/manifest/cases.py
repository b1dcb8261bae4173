"""Test cases of a manifest: read strictly, and compared with what was decided (section 3.4)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.document.text import Document
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.manifest.model import Members
from acs_sidecar.spec.manifest.shape_reader import ShapeReader
from acs_sidecar.spec.points import POINT_NAMES, InterventionPoint, Mode
from acs_sidecar.spec.values import Json, JsonObject
from acs_sidecar.spec.verdict import Decision

__all__ = ["Case", "Difference", "differences", "read_cases"]

_FILE_MEMBERS = ("cases", "manifest")
_CASE_MEMBERS = (
    "name",
    "intervention_point",
    "snapshot",
    "mode",
    "annotations",
    "expect",
    "expect_target",
)
_REQUIRED = {
    "name": "a text",
    "intervention_point": "an intervention point such as `input`",
    "snapshot": "an object",
    "expect": "an object with a `decision`",
}
_EXPECTABLE: Mapping[str, tuple[type, ...]] = {
    "decision": (str,),
    "reason": (str, type(None)),
    "message": (str, type(None)),
    "transform": (dict, type(None)),
    "evidence": (dict, type(None)),
    "result_labels": (list,),
    "warnings": (list, type(None)),
    "approval": (dict, type(None)),
}
_TARGET = "transformed_policy_target"


@dataclass(frozen=True, slots=True)
class Case:
    """A test case: a snapshot and the expected decision.

    `expected` are the members that the verdict must have, `null` for one that it must not have;
    others are not looked at. `target` is the expected transformed target in a list, empty where
    nothing may be transformed. `annotations` stand in for the annotators of the point. `source`,
    `line` and `column` tell where the case is written.
    """

    name: str
    point: InterventionPoint
    snapshot: dict[str, Json]
    mode: Mode
    annotations: JsonObject
    expected: JsonObject
    target: tuple[Json, ...]
    source: str
    line: int | None
    column: int | None


@dataclass(frozen=True, slots=True)
class Difference:
    """A member of the response that differs from the expected one; an absent value is an empty tuple."""

    member: str
    expected: tuple[Json, ...]
    actual: tuple[Json, ...]


def differences(case: Case, response: Mapping[str, Json]) -> tuple[Difference, ...]:
    """Compare a response with a case; numbers and all else as canonical JSON.

    The target is transformed when, and only when, the case expects one.
    """
    verdict = response["verdict"]
    members = verdict if isinstance(verdict, dict) else {}
    found = [
        Difference(name, _present(wanted), _present(members.get(name)))
        for name, wanted in case.expected.items()
        if canonical(members.get(name)) != canonical(wanted)
    ]
    target = (response[_TARGET],) if _TARGET in response else ()
    if canonical(list(target)) != canonical(list(case.target)):
        found.append(Difference(_TARGET, case.target, target))
    return tuple(found)


def read_cases(document: Document, source: str, manifest: str) -> tuple[Case, ...]:
    """Read the cases that a file has for the manifest of that name.

    A file is `{cases: […]}`; with `manifest` beside it, its cases are those of that manifest alone.
    Raises `ManifestError` with every finding.
    """
    reading = _CaseReader(document, source)
    cases = tuple(reading.cases())
    if reading.findings:
        raise ManifestError(reading.findings)
    return cases if reading.manifest() in (None, manifest) else ()


class _CaseReader(ShapeReader):
    """One reading of a file of cases."""

    def __init__(self, document: Document, source: str) -> None:
        super().__init__(document)
        self._source = source

    def _source_of(self, path: Members) -> str:  # noqa: ARG002  # one file has all members
        return self._source

    def manifest(self) -> Json:
        """Return the manifest that the file names, if any."""
        value = self._document.value
        return value.get("manifest") if isinstance(value, dict) else None

    def cases(self) -> Iterator[Case]:
        """Yield each well-formed case."""
        value = self._document.value
        if not isinstance(value, dict) or not isinstance(value.get("cases"), list):
            self._wrong((), "wrong-type", "a file of test cases must be a mapping with a list `cases`")
            return
        self._only(value, _FILE_MEMBERS, ())
        if "manifest" in value and not isinstance(value["manifest"], str):
            self._wrong(("manifest",), "wrong-type", "must be the name of a manifest")
        cases = value["cases"]
        names: set[str] = set()
        for index, entry in enumerate(cases if isinstance(cases, list) else []):
            path = ("cases", index)
            if not isinstance(entry, dict):
                self._wrong(path, "wrong-type", "a case must be a mapping")
            elif case := self._case(entry, path):
                if case.name in names:
                    self._wrong(
                        (*path, "name"),
                        "name-twice",
                        f"the name `{case.name}` is already used by another case",
                    )
                names.add(case.name)
                yield case

    def _case(self, entry: JsonObject, path: Members) -> Case | None:
        before = len(self.findings)
        self._only(entry, _CASE_MEMBERS, path)
        for name, expected_value in _REQUIRED.items():
            if name not in entry:
                self._missing((*path, name), None, expected_value)
        title = entry.get("name", "a name")
        if not isinstance(title, str) or not title.strip():
            self._wrong((*path, "name"), "wrong-type", "must be a non-blank string")
        self._one_of(entry.get("intervention_point", "input"), POINT_NAMES, (*path, "intervention_point"))
        self._one_of(entry.get("mode", "enforce"), frozenset(Mode), (*path, "mode"))
        snapshot = self._object(entry, "snapshot", path)
        annotations = self._object(entry, "annotations", path)
        expected = self._object(entry, "expect", path)
        if entry.get("expect") is expected:
            self._expect(expected, (*path, "expect"))
        if len(self.findings) > before:
            return None
        line, column = self._document.place(path)
        return Case(
            name=str(title),
            point=InterventionPoint(str(entry["intervention_point"])),
            snapshot=snapshot,
            mode=Mode(str(entry.get("mode", "enforce"))),
            annotations=annotations,
            expected=expected,
            target=(entry["expect_target"],) if "expect_target" in entry else (),
            source=self._source,
            line=line,
            column=column,
        )

    def _expect(self, expected: JsonObject, path: Members) -> None:
        self._only(expected, tuple(_EXPECTABLE), path)
        for name, value in expected.items():
            types = _EXPECTABLE.get(name, (object,))
            if not isinstance(value, types):
                listed = " or ".join(_TYPE_NAMES[kind] for kind in types)
                self._wrong((*path, name), "wrong-type", f"must be {listed}")
        if "decision" not in expected:
            self._missing((*path, "decision"), None, "a decision such as `deny`")
        elif isinstance(decision := expected.get("decision"), str):
            self._one_of(decision, frozenset(Decision), (*path, "decision"))


_TYPE_NAMES = {str: "a text", dict: "an object", list: "a list", type(None): "null"}


def _present(value: Json) -> tuple[Json, ...]:
    return () if value is None else (value,)
