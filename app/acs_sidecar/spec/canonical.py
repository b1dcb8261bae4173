"""Canonical JSON and the digests taken over it (section 1.8)."""

import hashlib

import orjson

from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["canonical", "digest", "digest_bytes"]


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
    return "sha256:" + hashlib.sha256(content).hexdigest()
