"""The identity of an agent: BLAKE3 over its model, its prompt and its tools (section 9.1)."""

from dataclasses import dataclass

import orjson
from blake3 import blake3

from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.values import Json, deeper_than

__all__ = [
    "WHITE_SPACE",
    "AgentIdentity",
    "IdentityInputError",
    "agent_identity",
    "blake3_hex",
    "parse_tools",
]

WHITE_SPACE = (
    "".join(
        map(
            chr,
            [*range(0x09, 0x0E), 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F],
        )
    )
    + chr(0x205F)
    + chr(0x3000)
)
"""What is removed at both ends of a prompt: the characters with the property White_Space."""

_MAX_DEPTH = 64


class IdentityInputError(ValueError):
    """A text that has no identity; the message says why."""


@dataclass(frozen=True, slots=True)
class AgentIdentity:
    """The three hashes, each 64 lower-case hex digits."""

    id: str
    prompt_hash: str
    tools_hash: str


def agent_identity(model: str, system_prompt: str, tools: Json) -> AgentIdentity:
    """Hash what makes an agent; `tools` are a text, or JSON. Raises `IdentityInputError`."""
    try:
        prompt_hash = blake3_hex(system_prompt.strip(WHITE_SPACE).encode())
        tools_hash = blake3_hex(_tools_bytes(tools))
        whole = f"model:{model}|prompt:{prompt_hash}|tools:{tools_hash}".encode()
    except (UnicodeEncodeError, orjson.JSONEncodeError):
        raise IdentityInputError("a text holds a lone surrogate") from None
    return AgentIdentity(blake3_hex(whole), prompt_hash, tools_hash)


def blake3_hex(content: bytes) -> str:
    """Return the BLAKE3 hash of `content` as 64 lower-case hex digits."""
    return blake3(content).hexdigest()


def parse_tools(text: str) -> tuple[Json, bool]:
    """Return the JSON value of a text and `True`, or the text itself and `False` where it is none.

    Raises `IdentityInputError` for JSON that nests too deep.
    """
    try:
        value: Json = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        if "depth limit" in error.msg:
            raise _too_deep() from None
        return text, False
    if deeper_than(value, _MAX_DEPTH):
        raise _too_deep()
    return value, True


def _tools_bytes(tools: Json) -> bytes:
    if isinstance(tools, str):
        tools, is_json = parse_tools(tools)
        if not is_json:
            return str(tools).encode()
    elif deeper_than(tools, _MAX_DEPTH):
        raise _too_deep()
    return canonical(tools)


def _too_deep() -> IdentityInputError:
    return IdentityInputError(f"the tools nest deeper than {_MAX_DEPTH} levels")
