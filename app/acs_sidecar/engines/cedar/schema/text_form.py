"""Read a schema in Cedar's own syntax (section 1.7.1).

Reads the grammar of the language; whether names exist and declarations agree is the engine's to say.
"""

from collections.abc import Callable, Iterator
from typing import TypeVar

from acs_sidecar.engines.cedar.schema.declarations import (
    NESTED_TYPES,
    ActionDeclaration,
    EntityDeclaration,
    Schema,
    SchemaBoundError,
    qualified,
)
from acs_sidecar.engines.cedar.schema.types import Attribute, RecordType, SetOf, Type, TypeReference
from acs_sidecar.engines.cedar.source import MAX_NESTING
from acs_sidecar.engines.cedar.syntax import CedarSyntaxError, EntityUid, Token, tokens, unescape

__all__ = ["read_schema_text"]

_End = Token("mark", "", 0)
_T = TypeVar("_T")


def read_schema_text(text: str) -> Schema:
    """Read declarations. Raises `CedarSyntaxError`, and `SchemaBoundError` for types nested too deep."""
    return _SchemaParser(text).schema()


class _SchemaParser:
    """A recursive descent over the tokens, one declaration after the other."""

    def __init__(self, text: str) -> None:
        self._tokens: Iterator[Token] = tokens(text)
        self._end = Token("mark", "the end", len(text))
        self._next = next(self._tokens, self._end)
        self._schema = Schema()
        self._namespace = ""
        self._nesting = 0

    def schema(self) -> Schema:
        while self._next is not self._end:
            self._annotations()
            if self._next.text == "namespace":
                self._namespace_block()
            else:
                self._declaration()
        return self._schema

    # -- declarations ------------------------------------------------------------------------------

    def _namespace_block(self) -> None:
        self._take("namespace")
        self._namespace = self._path()
        self._take("{")
        while not self._took("}"):
            self._annotations()
            self._declaration()
        self._namespace = ""

    def _declaration(self) -> None:
        if self._took("entity"):
            self._entity()
        elif self._took("action"):
            self._action()
        elif self._took("type"):
            name = qualified(self._word(), self._namespace)
            self._take("=")
            self._schema.commons[name] = self._type()
        else:
            raise self._unexpected("`entity`, `action`, `type` or `namespace`")
        self._take(";")

    def _entity(self) -> None:
        names = [qualified(name, self._namespace) for name in self._several(self._word)]
        if self._took("enum"):
            self._take("[")
            declared = EntityDeclaration(choices=frozenset(self._several(self._string)))
            self._take("]")
        else:
            if self._took("in"):
                self._one_or_list(self._path)
            attributes: Type = RecordType({})
            if self._took("=") or self._next.text == "{":
                attributes = self._record()
            tags = self._type() if self._took("tags") else None
            declared = EntityDeclaration(attributes, tags)
        for name in names:
            self._schema.entities[name] = declared

    def _action(self) -> None:
        names = self._several(self._name)
        if self._took("in"):
            self._one_or_list(self._qualified_action)
        declared = ActionDeclaration()
        if self._took("appliesTo"):
            declared = self._applies_to()
        if self._took("attributes"):
            self._take("{")
            self._take("}")
        for name in names:
            uid = EntityUid(qualified("Action", self._namespace), name)
            self._schema.actions[uid] = declared

    def _applies_to(self) -> ActionDeclaration:
        principals: tuple[TypeReference, ...] = ()
        resources: tuple[TypeReference, ...] = ()
        context: Type = RecordType({})
        self._take("{")
        while not self._took("}"):
            if self._took("principal"):
                self._take(":")
                principals = self._entity_types()
            elif self._took("resource"):
                self._take(":")
                resources = self._entity_types()
            else:
                self._take("context")
                self._take(":")
                context = self._type()
            if self._next.text != "}":
                self._take(",")
        return ActionDeclaration(principals, resources, context)

    def _entity_types(self) -> tuple[TypeReference, ...]:
        return tuple(
            TypeReference(name, self._namespace, common=False) for name in self._one_or_list(self._path)
        )

    def _annotations(self) -> None:
        while self._took("@"):
            self._word()
            if self._took("("):
                self._string()
                self._take(")")

    # -- types -------------------------------------------------------------------------------------

    def _type(self) -> Type:
        self._nesting += 1
        if self._nesting > MAX_NESTING:
            raise SchemaBoundError(NESTED_TYPES)
        kind = self._record() if self._next.text == "{" else self._named()
        self._nesting -= 1
        return kind

    def _named(self) -> Type:
        name = self._path()
        if name != "Set" or not self._took("<"):
            return TypeReference(name, self._namespace)
        element = self._type()
        self._take(">")
        return SetOf(element)

    def _record(self) -> RecordType:
        attributes: dict[str, Attribute] = {}
        self._take("{")
        while not self._took("}"):
            self._annotations()
            name = self._name()
            required = not self._took("?")
            self._take(":")
            attributes[name] = Attribute(self._type(), required)
            if self._next.text != "}":
                self._take(",")
        return RecordType(attributes)

    # -- names and lists ---------------------------------------------------------------------------

    def _several(self, read: Callable[[], _T]) -> list[_T]:
        found = [read()]
        while self._took(","):
            found.append(read())
        return found

    def _one_or_list(self, read: Callable[[], _T]) -> list[_T]:
        if not self._took("["):
            return [read()]
        found = [] if self._next.text == "]" else self._several(read)
        self._take("]")
        return found

    def _path(self) -> str:
        path = self._word()
        while self._took("::"):
            path += "::" + self._word()
        return path

    def _qualified_action(self) -> None:
        self._name()
        while self._took("::"):
            self._name()

    def _name(self) -> str:
        return self._string() if self._next.kind == "string" else self._word()

    def _word(self) -> str:
        if self._next.kind != "word":
            raise self._unexpected("a name")
        return self._advance().text

    def _string(self) -> str:
        if self._next.kind != "string":
            raise self._unexpected("a string")
        token = self._advance()
        try:
            return unescape(token.text[1:-1])
        except CedarSyntaxError as error:
            raise CedarSyntaxError(error.message, token.offset) from None

    # -- tokens ------------------------------------------------------------------------------------

    def _advance(self) -> Token:
        token = self._next
        self._next = next(self._tokens, self._end)
        return token

    def _took(self, text: str) -> bool:
        if self._next is self._end or self._next.text != text:
            return False
        self._advance()
        return True

    def _take(self, text: str) -> None:
        if not self._took(text):
            raise self._unexpected(f"`{text}`")

    def _unexpected(self, wanted: str) -> CedarSyntaxError:
        found = "the end" if self._next is self._end else f"`{self._next.text}`"
        return CedarSyntaxError(f"expected {wanted}, found {found}", self._next.offset)
