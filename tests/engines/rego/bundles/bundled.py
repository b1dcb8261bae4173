"""What the tests of bundles and data share."""

from collections.abc import Mapping

from acs_sidecar.spec.values import JsonObject

__all__ = ["BUNDLE", "MODULE", "below"]

BUNDLE: JsonObject = {"type": "rego", "bundle": "b", "query": "data.a.x"}
MODULE = b"package a\nx := data.limits"


def below(files: Mapping[str, bytes], folder: str = "b") -> dict[str, bytes]:
    return {f"{folder}/{name}": content for name, content in files.items()}
