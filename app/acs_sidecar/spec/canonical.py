"""Canonical JSON and the digests taken over it (section 1.8)."""

import hashlib

import orjson

from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["canonical", "digest", "digest_bytes"]

_EMPTY = hashlib.sha256()
"""Copied for each digest: for a new one the library looks its algorithm up."""


def canonical(value: Json | JsonObject) -> bytes:
    """Serialise `value` to its canonical bytes: members sorted by code point, no white space, UTF-8.

    Raises `orjson.JSONEncodeError` for what JSON text cannot hold (lone surrogates, integers beyond
    64 bits, nesting past 254).
    """
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def digest(value: Json | JsonObject) -> str:
    """Return `sha256:` and the hex SHA-256 of the canonical form of `value`."""
    return digest_bytes(canonical(value))


def digest_bytes(content: bytes) -> str:
    """Return `sha256:` and the hex SHA-256 of `content`."""
    hashed = _EMPTY.copy()
    hashed.update(content)
    return "sha256:" + hashed.hexdigest()
