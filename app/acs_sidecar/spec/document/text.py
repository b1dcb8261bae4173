"""Manifest text, YAML or JSON, to a JSON value whose members keep their places (section 1.3)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from acs_sidecar.spec.document.bounds import DocumentBoundError, DocumentError, Members, Position
from acs_sidecar.spec.document.json_text import JsonText, parse_json
from acs_sidecar.spec.document.yaml_text import parse_yaml
from acs_sidecar.spec.values import Json

__all__ = ["Document", "parse_document"]

MAX_TEXT_BYTES = 4 * 1024 * 1024
MAX_TAG_DIRECTIVES = 1_000


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed text: its value, and the place (line, column) of each member by its path.

    `source` is how findings call the text, and `remote` whether it came from another server. A merged
    document has no places of its own: `origins` gives the document that each member came from.
    """

    value: Json
    places: Mapping[Members, Position]
    source: str | None = None
    remote: bool = False
    origins: Mapping[Members, "Document"] = field(default_factory=dict)

    def members(self) -> Iterator[Members]:
        """Yield the path of every member, the whole first."""
        pending: list[tuple[Members, Json]] = [((), self.value)]
        while pending:
            path, value = pending.pop()
            yield path
            if isinstance(value, dict):
                pending.extend(((*path, name), member) for name, member in reversed(value.items()))
            elif isinstance(value, list):
                pending.extend(((*path, index), item) for index, item in enumerate(value))

    def origin(self, path: Members) -> "Document":
        """Return the document that a member, or the nearest one around it, came from."""
        for length in range(len(path), -1, -1):
            if found := self.origins.get(path[:length]):
                return found.origin(path)
        return self

    def place(self, path: Members) -> Position | tuple[None, None]:
        """Return the place of a member, or of the nearest one around it that the text has."""
        places = self.origin(path).places
        for length in range(len(path), -1, -1):
            if place := places.get(path[:length]):
                return place
        return None, None


def parse_document(text: str) -> Document:
    """Parse one YAML or JSON document. Raises `DocumentError`."""
    if len(text.encode(errors="surrogatepass")) > MAX_TEXT_BYTES:
        raise DocumentBoundError(f"the text exceeds {MAX_TEXT_BYTES} bytes")
    # The parser compares each directive with all before it, and gives nothing back until the last.
    if text.count("%TAG") > MAX_TAG_DIRECTIVES:
        raise DocumentBoundError(f"more than {MAX_TAG_DIRECTIVES} `%TAG` directives")
    from_json = _parse_json_or_place(text)
    try:
        value, places = parse_yaml(text)
    except DocumentError:
        if from_json is None:
            raise
        # JSON allows a few texts that YAML does not; they keep their value and lose their places.
        return Document(from_json.value, {})
    return Document(from_json.value if from_json else value, places)


def _parse_json_or_place(text: str) -> JsonText | None:
    """Read the text as strict JSON; what is refused is refused with its place, where one is known."""
    try:
        return parse_json(text)
    except DocumentBoundError:
        raise
    except DocumentError as error:
        raise DocumentError(error.message, _refused_at(text)) from None


def _refused_at(text: str) -> Position | None:
    """Return the place at which the YAML reader, which knows places, refuses the text too."""
    try:
        parse_yaml(text)
    except DocumentError as error:
        return (error.line, error.column) if error.line is not None and error.column is not None else None
    return None
