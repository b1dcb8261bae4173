"""Other ways to write the payload of an attack (section 8.4)."""

import hashlib
from collections.abc import Iterator

from acs_sidecar.detectors.corpus import ENCODINGS

__all__ = ["ALL_MUTATIONS", "PLAIN", "mutated"]

PLAIN = "plain"
ALL_MUTATIONS = len(ENCODINGS)


def mutated(identifier: str, payload: str, count: int) -> Iterator[tuple[str, str]]:
    """Yield the payload as it is, and in `count` encodings chosen by a hash of the entry's identifier.

    Encodings that leave the payload as it is are not chosen.
    """
    yield PLAIN, payload
    chosen = 0
    for name in sorted(ENCODINGS, key=lambda name: hashlib.sha256(f"{identifier}\n{name}".encode()).digest()):
        if chosen == count:
            return
        text = ENCODINGS[name](payload)
        if text != payload:
            chosen += 1
            yield name, text
