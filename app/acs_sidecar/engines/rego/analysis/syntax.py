"""Reading the engine's AST: JSON in which a node is an object with one member, named by its kind."""

from collections.abc import Iterator

from acs_sidecar.spec.values import Json, JsonObject

__all__ = [
    "CALLS",
    "LINKS",
    "REFERENCES",
    "as_list",
    "as_object",
    "as_offsets",
    "as_position",
    "called_name",
    "chain",
    "composite_items",
    "constant_names",
    "equated",
    "first_link",
    "names_of",
    "nodes_of",
    "operands",
    "spanned",
    "string_literals",
    "text_fields",
    "variables",
    "variant",
    "varying_in",
    "varying_indexes",
]

REFERENCES = frozenset({"Var", "RefDot", "RefBrack"})
"""The kinds of a reference: a variable, `.name` behind something, `[…]` behind something."""

CALLS = frozenset({"Call", "BoolExpr", "ArithExpr", "BinExpr", "UnaryExpr", "Membership"})
"""The kinds of a call: of a function by its name, or of the one that an operator stands for."""

LINKS = frozenset({"RefDot", "RefBrack"})
"""The kinds of a reference behind something."""

_NOTHING: JsonObject = {}
_UNKNOWN = "the engine's AST has an unknown shape"


def variant(node: Json) -> tuple[str, JsonObject]:
    """Return the kind of a node and what it holds."""
    if isinstance(node, dict):
        for kind in node:
            value = node[kind]
            return kind, value if isinstance(value, dict) else _NOTHING
    raise TypeError(_UNKNOWN)


def first_link(reference: Json) -> Json:
    """Return the head of a reference: a variable, or any other expression."""
    node = reference
    kind, link = variant(node)
    while kind in LINKS:
        node = link["refr"]
        kind, link = variant(node)
    return node


def chain(reference: Json) -> list[tuple[str, JsonObject]]:
    """Return the links of a reference, from what it begins with."""
    kind, link = variant(reference)
    links = [(kind, link)]
    while kind in LINKS:
        kind, link = variant(link["refr"])
        links.append((kind, link))
    links.reverse()
    return links


def constant_names(reference: Json) -> tuple[tuple[str, ...], bool]:
    """Return the names behind the first link up to one that is not constant, and whether they are all."""
    return names_of(chain(reference))


def names_of(links: list[tuple[str, JsonObject]]) -> tuple[tuple[str, ...], bool]:
    """Return what `constant_names` does, of the links of a reference."""
    names: list[str] = []
    for kind, link in links[1:]:
        name = _constant_name(kind, link)
        if name is None:
            return tuple(names), False
        names.append(name)
    return tuple(names), True


def called_name(function: Json) -> tuple[str, ...] | None:
    """Return the name of a rule or function where a reference is a name and nothing else."""
    names: list[str] = []
    kind, link = variant(function)
    while kind in LINKS:
        name = _constant_name(kind, link)
        if name is None:
            return None
        names.append(name)
        kind, link = variant(link["refr"])
    if kind != "Var":
        return None
    names.append(str(link["value"]))
    names.reverse()
    return tuple(names)


def varying_indexes(reference: Json) -> list[Json]:
    """Return the indexes of a reference that are not constant names, from its end on."""
    return varying_in(chain(reference))


def varying_in(links: list[tuple[str, JsonObject]]) -> list[Json]:
    """Return what `varying_indexes` does, of the links of a reference."""
    return [
        link["index"]
        for kind, link in reversed(links)
        if kind == "RefBrack" and _literal(link["index"]) is None
    ]


def variables(pattern: Json) -> Iterator[str]:
    """Yield the names of the variables anywhere in a node."""
    return (str(found["value"]) for found in nodes_of("Var", pattern))


def nodes_of(kind: str, node: Json) -> Iterator[JsonObject]:
    """Yield the nodes of a kind anywhere in a node."""
    pending = [node]
    while pending:
        node = pending.pop()
        if isinstance(node, list):
            pending.extend(node)
        elif isinstance(node, dict):
            if kind in node:
                yield as_object(node[kind])
            pending.extend(node.values())


def operands(kind: str, call: JsonObject) -> list[Json]:
    """Return the arguments of a call of some kind."""
    if kind == "Call":
        return as_list(call["params"])
    if kind == "UnaryExpr":
        return [call["expr"]]
    if kind == "Membership":
        return [part for part in (call["key"], call["value"], call["collection"]) if part is not None]
    return [call["lhs"], call["rhs"]]


def equated(left: Json, right: Json) -> Iterator[tuple[Json, Json]]:
    """Yield the terms that are equated where no two composites of one shape are left."""
    pending = [(left, right)]
    while pending:
        pair = pending.pop()
        parts = _equated_parts(*pair)
        if parts is None:
            yield pair
        else:
            pending.extend(parts)


def _equated_parts(left: Json, right: Json) -> list[tuple[Json, Json]] | None:
    """Return what two arrays of one length, or two objects with the same constant keys, equate."""
    (kind, one), (other_kind, other) = variant(left), variant(right)
    if kind == other_kind == "Array" and len(as_list(one["items"])) == len(as_list(other["items"])):
        return list(zip(as_list(one["items"]), as_list(other["items"]), strict=True))
    if kind == other_kind == "Object":
        fields, others = text_fields(left), text_fields(right)
        if fields and others and fields.keys() == others.keys():
            return [(value, others[key]) for key, value in fields.items()]
    return None


def text_fields(term: Json) -> dict[Json, Json] | None:
    """Return the values of an object by its keys, where it is written out and these are different texts."""
    kind, value = variant(term)
    if kind != "Object":
        return None
    fields = [as_list(item)[1:] for item in as_list(value["fields"])]
    by_key = {variant(key)[1].get("value"): field for key, field in fields if "String" in as_object(key)}
    return by_key if len(by_key) == len(fields) else None


def composite_items(kind: str, value: JsonObject) -> list[Json]:
    """Return the elements of an array or set, or the keys and values of an object."""
    if kind in ("Array", "Set"):
        return as_list(value["items"])
    if kind == "Object":
        return [part for item in as_list(value["fields"]) for part in as_list(item)[1:]]
    return []


def string_literals(nodes: list[Json]) -> Iterator[str]:
    """Yield the string literals among some nodes, and in the arrays among them."""
    for node in nodes:
        kind, value = variant(node)
        if kind == "Array":
            yield from string_literals(as_list(value["items"]))
        elif (text := _literal(node)) is not None:
            yield text


def spanned(span: Json, text: bytes) -> str:
    """Return the part of a module's text that a span marks."""
    start, end = as_offsets(span)
    return text[start:end].decode()


def as_offsets(span: Json) -> tuple[int, int]:
    """Return where a span begins and ends in the bytes of the text."""
    return _two_numbers(span, "start", "end")


def as_position(span: Json) -> tuple[int, int]:
    """Return the line and column of a span."""
    return _two_numbers(span, "line", "col")


def as_object(value: Json) -> dict[str, Json]:
    """Return a value as an object. Raises if it is not one."""
    if not isinstance(value, dict):
        raise TypeError(_UNKNOWN)
    return value


def as_list(value: Json) -> list[Json]:
    """Return a value as a list. Raises if it is not one."""
    if not isinstance(value, list):
        raise TypeError(_UNKNOWN)
    return value


def _two_numbers(span: Json, first: str, second: str) -> tuple[int, int]:
    if isinstance(span, dict):
        one, other = span[first], span[second]
        if isinstance(one, int) and isinstance(other, int):
            return one, other
    raise TypeError(_UNKNOWN)


def _constant_name(kind: str, link: JsonObject) -> str | None:
    """Return the name that a link adds, if it is constant."""
    return str(as_list(link["field"])[1]) if kind == "RefDot" else _literal(link["index"])


def _literal(node: Json) -> str | None:
    kind, literal = variant(node)
    return str(literal["value"]) if kind in ("String", "RawString") else None
