"""Identities: what is trimmed, what is canonical, what is refused, what is doubted (section 9.1)."""

import json
import random
from typing import Any

import orjson
import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from acs_sidecar.engines.adapters.oags.identity.ambiguity import loses_content, prompt_doubts, tools_doubts
from acs_sidecar.engines.adapters.oags.identity.hashing import (
    WHITE_SPACE,
    IdentityInputError,
    agent_identity,
    blake3_hex,
)
from acs_sidecar.engines.adapters.oags.identity.signing import SecretKeyError, is_public_key, sign, verify
from acs_sidecar.engines.adapters.oags.identity.startup import IdentityCheck
from acs_sidecar.engines.adapters.oags.rules import OagsRule
from acs_sidecar.spec.values import Json
from tests.engines.adapters.oags import blake3_reference
from tests.engines.adapters.oags.mutations import mutate
from tests.strategies import json_values

TRIMMED = [
    *range(0x09, 0x0E),
    0x20,
    0x85,
    0xA0,
    0x1680,
    *range(0x2000, 0x200B),
    0x2028,
    0x2029,
    0x202F,
    0x205F,
    0x3000,
]
SEED = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
PUBLIC = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"


@pytest.mark.parametrize("length", [0, 1, 63, 64, 65, 1023, 1024, 1025, 2048, 2049, 3072, 5000])
def test_the_hash_is_blake3(length: int) -> None:
    """Two programs that share nothing give one hash, at the edges of blocks, chunks and trees."""
    content = bytes(index % 251 for index in range(length))
    assert blake3_hex(content) == blake3_reference.blake3_hex(content) == blake3(content).hexdigest()


def test_white_space_is_the_property_of_unicode() -> None:
    """The 25 characters of White_Space are removed, at both ends and nowhere else."""
    assert {ord(character) for character in WHITE_SPACE} == set(TRIMMED)
    assert len(TRIMMED) == 25
    plain = agent_identity("m", "a b", "[]")
    for code in range(0x3100):
        character = chr(code)
        assert (agent_identity("m", f"{character}a b{character}", "[]") == plain) == (code in TRIMMED), code
        if code != 0x20:
            assert agent_identity("m", f"a{character}b", "[]") != plain


@given(json_values())
def test_tools_have_one_identity_however_they_are_written(value: Json) -> None:
    """Order of members, spaces and escapes do not count; JSON and its text are the same tools."""
    if isinstance(value, str):
        value = [value]
    shuffled = json.dumps(_shuffled(value), indent=1)
    assert agent_identity("m", "p", shuffled) == agent_identity("m", "p", value)
    assert agent_identity("m", "p", json.dumps(value, ensure_ascii=False)) == agent_identity("m", "p", value)


def _shuffled(value: Json) -> Json:
    if isinstance(value, dict):
        names = list(value)
        random.Random(len(names)).shuffle(names)  # an order, no secret
        return {name: _shuffled(value[name]) for name in names}
    return [_shuffled(item) for item in value] if isinstance(value, list) else value


@settings(max_examples=300)
@given(st.tuples(st.text(), st.text(), st.text()), st.data())
def test_a_mutation_changes_the_id(parts: tuple[str, str, str], data: st.DataObject) -> None:
    """Another character anywhere is another agent, but for white space at the ends of the prompt and in JSON."""
    place = data.draw(st.integers(0, 2))
    text = parts[place]
    at = data.draw(st.integers(0, len(text)))
    changed = text[:at] + data.draw(st.characters(codec="utf-8")) + text[at + data.draw(st.integers(0, 1)) :]
    mutated = [*parts]
    mutated[place] = changed
    same = changed == text or (place == 1 and changed.strip(WHITE_SPACE) == text.strip(WHITE_SPACE))
    if place == 2:
        same = same or (_json(changed) is not None and _json(changed) == _json(text))
    assert (agent_identity(*parts).id == agent_identity(*mutated).id) == same


def _json(text: str) -> str | None:
    try:
        return json.dumps(json.loads(text), sort_keys=True)
    except ValueError:
        return None


@pytest.mark.parametrize(
    "tools",
    [
        '{"name": "a", "name": "b"}',
        '[{"n": {"x": 1, "\\u0078": 2}}]',
        "[18446744073709551616]",
        "[0.1000000000000000055]",
        "[1e-400]",
    ],
)
def test_tools_that_another_text_shares_the_hash_of_lose_content(tools: str) -> None:
    """What the hash leaves out is noticed."""
    assert loses_content(tools)


@pytest.mark.parametrize(
    "tools", ["[]", "[1, 1.50, 1e2, -9223372036854775808]", "search, fetch", '{"a": ": :"}']
)
def test_tools_that_are_hashed_whole_lose_nothing(tools: str) -> None:
    """Other ways to write a number are the same number, and a text is hashed as it is."""
    assert not loses_content(tools)


@pytest.mark.parametrize(
    ("tools", "loses"),
    [
        ('[{"a": {"maximum": 123456789012345678901234567890}}]', True),
        ("[-9223372036854775809]", True),
        ("[9007199254740993.0]", True),
        ("[18446744073709551615, -9223372036854775808, 9007199254740991.0, 0.1]", False),
    ],
)
def test_an_integer_that_was_rounded_when_it_was_read_is_a_drift(tools: str, loses: bool) -> None:
    """Tools that came as JSON: many integers are read as one double, and have its hash."""
    presented: dict[str, Json] = {"model": "m", "system_prompt": "p", "tools": orjson.loads(tools)}
    check = IdentityCheck(agent_identity("m", "p", tools).id, require_inputs=True, signers=())
    assert [*check.broken(presented)] == (
        [OagsRule.IDENTITY_UNPROVEN, OagsRule.IDENTITY_DRIFT] if loses else []
    )


@pytest.mark.parametrize(
    "tools", ["[" * 65 + "]" * 65, "[" * 2000 + "]" * 2000, '{"a":' * 70 + "1" + "}" * 70]
)
def test_tools_that_nest_too_deep_have_no_identity(tools: str) -> None:
    """Deep JSON is refused, whoever's recursion would end first."""
    with pytest.raises(IdentityInputError) as caught:
        agent_identity("m", "p", tools)
    assert str(caught.value) == "the tools nest deeper than 64 levels"


def test_deep_json_is_refused_too() -> None:
    """JSON that was read elsewhere has the same bound as its text."""
    value: Any = []
    for _ in range(70):
        value = [value]
    with pytest.raises(IdentityInputError):
        agent_identity("m", "p", value)


def test_a_lone_surrogate_has_no_identity() -> None:
    """What UTF-8 cannot hold is refused wherever it stands."""
    for parts in (("\ud800", "p", "[]"), ("m", "\ud800", "[]"), ("m", "p", "\ud800")):
        with pytest.raises(IdentityInputError) as caught:
            agent_identity(*parts)
        assert str(caught.value) == "a text holds a lone surrogate"


@pytest.mark.parametrize("character", ["\x1c", "\x1d", "\x1e", "\x1f", "\x85", "\ufeff"])
def test_a_disputed_end_of_a_prompt_is_doubted(character: str) -> None:
    """Each character that some implementations trim and others keep, at either end, also behind spaces."""
    expected = [f"begins or ends with U+{ord(character):04X}, which not everyone trims"]
    assert list(prompt_doubts(f"{character}Be brief.")) == expected
    assert list(prompt_doubts(f"Be brief. {character}\n")) == expected
    assert list(prompt_doubts(f" Be{character}brief. ")) == []


@pytest.mark.parametrize(
    ("tools", "doubts"),
    [
        ("[1, -9007199254740992]", 0),
        ("[9007199254740993]", 1),
        ("[1.0]", 1),
        ("[1e3]", 1),
        ('{"a": 1, "a": 1}', 1),
        ('{"a": 1.5, "a": 99999999999999999999}', 3),
        ("version 1.5", 0),
    ],
)
def test_tools_that_implementations_hash_differently_are_doubted(tools: str, doubts: int) -> None:
    """Numbers and members that are written in several ways are remarked upon, in JSON alone."""
    assert len(list(tools_doubts(tools))) == doubts


def test_signatures_verify_and_nothing_else_does() -> None:
    """One bit of message, key or signature, bad hex and other lengths verify nothing."""
    message = "28da5805"
    signature = sign(message, SEED)
    assert sign(message, SEED + PUBLIC) == signature
    assert verify(message, signature, PUBLIC)
    assert verify(message, signature.upper(), PUBLIC)
    other = "0" if signature[0] != "0" else "1"
    for case in (
        ("28da5806", signature, PUBLIC),
        (message, other + signature[1:], PUBLIC),
        (message, signature, "0" * 64),
        (message, signature[:-2], PUBLIC),
        (message, f" {signature[:-1]}", PUBLIC),
        (message, signature, PUBLIC + "00"),
        (message, "zz" * 64, PUBLIC),
    ):
        assert not verify(*case)


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("", "a secret key is 32 bytes (the seed) or 64 (seed and public key) in hex"),
        (SEED[:-1], "a secret key is 32 bytes (the seed) or 64 (seed and public key) in hex"),
        ("x" * 64, "a secret key is 32 bytes (the seed) or 64 (seed and public key) in hex"),
        (SEED + "0" * 64, "the public half of the secret key is not that of its seed"),
    ],
)
def test_a_secret_key_that_is_none(key: str, message: str) -> None:
    """The message says what a secret key is."""
    with pytest.raises(SecretKeyError) as caught:
        sign("m", key)
    assert str(caught.value) == message


def test_what_is_a_public_key() -> None:
    """32 bytes in hex, without spaces."""
    assert is_public_key(PUBLIC)
    assert not is_public_key(PUBLIC[:-2])
    assert not is_public_key("01" + "00" * 31)
    assert not is_public_key(f"{PUBLIC[:-1]} ")


def test_no_mutant_of_a_signed_identity_is_the_agent() -> None:
    """Some hundreds of each kind; `make oags-mutations` makes a hundred thousand."""
    outcome = mutate(500, 3)
    assert outcome.accepted == []
    assert {*outcome.made.values()} == {500}
    assert {
        "identity.drift",
        "identity.signature_invalid",
        "identity.signature_missing",
    } <= outcome.broken.keys()
