"""The text of a document: one strict JSON value, whose members keep their places (section 10.1)."""

import json
from collections.abc import Iterator, Mapping

from acs_sidecar.spec.document.bounds import DocumentBoundError, DocumentError, Members, Position
from acs_sidecar.spec.document.json_text import parse_json
from acs_sidecar.spec.document.text import Document
from acs_sidecar.spec.document.yaml_text import parse_yaml
from acs_sidecar.spec.values import deeper_than

__all__ = ["MAX_BYTES", "parse_policy_text"]

MAX_BYTES = 1_048_576
MAX_DEPTH = 16


class _Places(Mapping[Members, Position]):
    """The places of a text's members, looked for when a finding first asks for one."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._found: Mapping[Members, Position] | None = None

    def _places(self) -> Mapping[Members, Position]:
        if self._found is None:
            try:
                self._found = parse_yaml(self._text)[1]
            except DocumentError:  # JSON allows a few texts that YAML does not; they have no places
                self._found = {}
        return self._found

    def __getitem__(self, path: Members) -> Position:
        return self._places()[path]

    def __iter__(self) -> Iterator[Members]:
        return iter(self._places())

    def __len__(self) -> int:
        return len(self._places())


def parse_policy_text(content: bytes) -> Document:
    """Parse a document. Raises `DocumentError`."""
    if len(content) > MAX_BYTES:
        raise DocumentBoundError(f"exceeds {MAX_BYTES} bytes")
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise DocumentError(f"is not UTF-8 at byte {error.start}") from None
    if text.startswith("\ufeff"):
        raise DocumentError("begins with a byte order mark: remove it", (1, 1))
    parsed = parse_json(text)
    if parsed is None:
        raise _refusal(text)
    if deeper_than(parsed.value, MAX_DEPTH):
        raise DocumentBoundError(f"nested deeper than {MAX_DEPTH} levels")
    return Document(parsed.value, _Places(text))


def _refusal(text: str) -> DocumentError:
    """Return why a text is not strict JSON, with the place."""
    try:
        json.loads(text, parse_int=str, parse_float=str)
    except json.JSONDecodeError as error:
        return DocumentError(f"is not JSON: {error.msg}", (error.lineno, error.colno))
    try:
        parse_yaml(text)
    except DocumentError as error:
        if error.line is not None and error.column is not None:
            return DocumentError(error.message, (error.line, error.column))
    return DocumentError("an object has a member twice")
