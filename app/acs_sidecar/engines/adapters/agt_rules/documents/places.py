"""Where a member of a document is, and a character of a text in it: file, line and column (section 7.8)."""

from dataclasses import dataclass
from functools import cached_property

import yaml

from acs_sidecar.engines.findings import SourceLocation
from acs_sidecar.spec.document.bounds import Members
from acs_sidecar.spec.document.member_path import member_path
from acs_sidecar.spec.document.text import Document
from acs_sidecar.spec.values import Json

__all__ = ["Place", "SourceText"]


class SourceText:
    """One document: `member` is the manifest's, `source` and `text` those of a file, where it is one."""

    def __init__(self, member: str, document: Document, source: str | None = None, text: str = "") -> None:
        self.member = member
        self.value = document.value
        self._document = document
        self._source = source
        self._text = text

    def place(self, path: Members) -> "Place":
        """Return the place of a member."""
        return Place(self, path)

    def location(self, path: Members, offset: int | None) -> SourceLocation:
        """Return the location of a member, or of a character of the text that it is."""
        inner = member_path(path) if path else ""
        name = self.member + (inner if inner.startswith("[") or not inner else f".{inner}")
        if self._source is None:
            return SourceLocation(name)
        position = self._character(path, offset) if offset is not None else None
        return SourceLocation(name, self._source, *(position or self._document.place(path)))

    @cached_property
    def _root(self) -> yaml.Node | None:
        try:
            return yaml.compose(self._text, Loader=yaml.CSafeLoader)
        except (yaml.YAMLError, ValueError):
            return None

    @cached_property
    def value_in_yaml_1_1(self) -> object:
        """The document as the older YAML reads its text, which has more booleans, numbers and times."""
        if not self._text:
            return self.value
        try:
            value: object = yaml.load(self._text, Loader=yaml.CSafeLoader)
        except (yaml.YAMLError, ValueError):
            return self.value
        return value

    def _character(self, path: Members, offset: int) -> tuple[int, int] | None:
        """Return line and column of a character of the scalar at `path`."""
        node = self._root
        for segment in path:
            if isinstance(node, yaml.MappingNode):
                node = next((value for key, value in node.value if key.value == segment), None)
            elif isinstance(node, yaml.SequenceNode) and isinstance(segment, int):
                node = node.value[segment]
        if not isinstance(node, yaml.ScalarNode):
            return None
        at = _aligned(self._text, node, offset)
        line = self._text.rfind("\n", 0, at) + 1
        return self._text.count("\n", 0, at) + 1, at - line + 1


@dataclass(frozen=True, slots=True)
class Place:
    """A member of a document; its location is worked out where a finding names it."""

    source: SourceText
    path: Members

    @property
    def value(self) -> Json:
        """The member's value; `None` where the document has none."""
        value = self.source.value
        for segment in self.path:
            if isinstance(value, dict):
                value = value.get(str(segment))
            elif isinstance(value, list) and isinstance(segment, int):
                value = value[segment]
            else:
                return None
        return value

    def at(self, offset: int | None = None) -> SourceLocation:
        """Return the location, or that of a character of the text that the member is."""
        return self.source.location(self.path, offset)

    def member(self, *names: str | int) -> "Place":
        """Return the place of a member below this one."""
        return Place(self.source, (*self.path, *names))


def _aligned(text: str, node: yaml.ScalarNode, offset: int) -> int:
    """Return where in a document's text a character of a scalar stands.

    The scalar's characters are met in order; what lies between them is a fold, an escape or a margin.
    """
    end = min(node.end_mark.index, len(text))
    position = node.start_mark.index
    if node.style in ("|", ">"):
        position = text.find("\n", position) + 1
    elif node.style:
        position += 1
    for character in str(node.value)[:offset]:
        while position < end and text[position] != character and not _folded(text[position], character):
            position += 1
        position = min(position + 1, end)
    while position < end and str(node.value)[offset : offset + 1] not in ("", text[position]):
        position += 1
    return position


def _folded(written: str, character: str) -> bool:
    return character == " " and written == "\n"
