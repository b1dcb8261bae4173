"""The lexer against the engine: where policies end, and what texts mean (section 1.7.1)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acs_sidecar.engines.cedar import engine, source
from acs_sidecar.engines.cedar.source import PolicyText, statements
from acs_sidecar.engines.cedar.syntax import (
    CedarSyntaxError,
    EntityUid,
    Lines,
    is_type_name,
    parse_uid,
    tokens,
    unescape,
)
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.values import Json

PIECES = [
    "permit(principal, action, resource);",
    'forbid(principal, action, resource) when { context.x == "a;b" };',
    '@note("\\" ; // not a comment") permit(principal, action, resource);',
    '// ; " a comment\n',
    "// ; a comment\r",
    "//",
    " \t\n\u00a0\u2028",
    'permit(principal == User::"\\u{1F600};\n\\\\", action, resource);',
    "permit(principal, action, resource) unless { 1/2 == 3 };",
    '"',
    ";",
    "§",
    "\x1c",
]


def cut(text: str) -> list[str]:
    """Cut a text into policies."""
    return [statement.text for statement in statements(PolicyText("p", "p", text))]


def parsed(text: str) -> int | None:
    """Count what the engine finds in a text; nothing when it refuses it."""
    try:
        handle = engine.parse_policies(text)
    except engine.EngineError:
        return None
    return len(handle)


@pytest.mark.slow
@settings(max_examples=500)
@given(st.lists(st.sampled_from(PIECES), max_size=6).map("".join))
def test_cutting_agrees_with_the_engine(text: str) -> None:
    """The engine takes a text exactly when it takes each of the policies cut from it."""
    try:
        found = cut(text)
    except ManifestError:
        assert parsed(text) is None
        return
    counts = [parsed(statement) for statement in found]
    assert parsed(text) == (None if None in counts else sum(counts))  # type: ignore[arg-type]  # no None left


@pytest.mark.slow
@settings(max_examples=500)
@given(st.lists(st.sampled_from([*PIECES, "(" * 101, "!" * 101, "1 +" * 400]), max_size=6).map("".join))
def test_cutting_short_policies_is_cutting_policies(text: str) -> None:
    """What is surely within the bounds is cut as it is by counting, and fails with the same finding."""

    def outcome() -> list[object]:
        try:
            return list(statements(PolicyText("p", "p", text)))
        except ManifestError as error:
            return list(error.diagnostics)

    quickly = outcome()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source, "_surely_bounded", lambda _: False)
        assert outcome() == quickly


def test_places() -> None:
    """Lines and columns count from 1, in characters."""
    text = "aé\n\n😀b"
    lines = Lines(text)
    assert [lines.place(offset) for offset in range(6)] == [(1, 1), (1, 2), (1, 3), (2, 1), (3, 1), (3, 2)]


@pytest.mark.parametrize(
    ("quoted", "value"),
    [
        ("plain", "plain"),
        ("\\n\\r\\t\\0\\\\\\\"\\'", "\n\r\t\0\\\"'"),
        ("\\x41\\x7f", "A\x7f"),
        ("\\u{1F600}\\u{0_0_4_1}", "😀A"),
        ("\\\\n", "\\n"),
        ("two\nlines", "two\nlines"),
    ],
)
def test_escapes(quoted: str, value: str) -> None:
    """Escapes mean what they mean to the engine."""
    assert unescape(quoted) == value
    policy = engine.parse_policy(f'@id("{quoted}") permit(principal, action, resource);')
    assert policy["annotations"]["id"] == value


@pytest.mark.parametrize(
    "quoted",
    ["\\q", "\\x80", "\\x4", "\\u{110000}", "\\u{D800}", "\\u{}", "\\u{_1}", "\\u{1234567}", "\\u41"],
)
def test_wrong_escapes(quoted: str) -> None:
    """What the engine does not take for an escape is none."""
    with pytest.raises(CedarSyntaxError):
        unescape(quoted)
    with pytest.raises(engine.EngineError):
        engine.parse_policy(f'@id("{quoted}") permit(principal, action, resource);')


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=8))
def test_uids(name: str) -> None:
    """An id survives being written and read."""
    uid = EntityUid("Acme::User", name)
    assert parse_uid(str(uid)) == uid


@pytest.mark.parametrize(
    "name",
    ["User", "_u1", "Acme::User", "User::", "::User", "a b", "", "1a", "é", "A::in", "if", "true", "has", "like",
     "is", "then", "else", "false", "in", "__cedar", "__cedar::X", "permit", "when", "principal", "Action", "User\n",
     "A ::B", "namespace", "entity", "Set", "Bool"],
)  # fmt: skip
def test_type_names(name: str) -> None:
    """What names an entity type here names one to the engine."""
    entity: dict[str, Json] = {"uid": {"type": name, "id": "x"}, "attrs": {}, "parents": []}
    try:
        engine.parse_entities([entity], None)
    except engine.EngineError:
        assert is_type_name(name) is False
    else:
        assert is_type_name(name) is True


def test_tokens() -> None:
    """Marks of two characters are one token; texts and comments are whole."""
    found = [token.text for token in tokens('a::b != "x // y" // z\n&&!-1<=2')]
    assert found == ["a", "::", "b", "!=", '"x // y"', "&&", "!", "-", "1", "<=", "2"]
