"""Names of tools: as they are read, and which resemble one another."""

import re
from collections.abc import Mapping
from typing import TypeVar

from acs_sidecar.detectors.folding import Folded, fold

__all__ = ["name_words", "plain_name", "resembles"]

_K = TypeVar("_K")
_NEAR = 2
_SHORT_NAME = 6
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+")


def plain_name(name: str | Folded) -> str:
    """Return a name as it is read: without case, separators, look-alikes, and digits for letters."""
    folded = fold(name) if isinstance(name, str) else name
    return folded.text.replace(" ", "")


def name_words(name: str) -> frozenset[str]:
    """Return the words of a name of several, in lower case: `search` and `web` of `webSearch`."""
    return frozenset(each[0].lower() for each in _WORD.finditer(name))


def resembles(name: str, known: Mapping[_K, str]) -> list[_K]:
    """Return what is one or two edits from a plain name, by the plain names of others; where one of them is short, one."""
    from rapidfuzz import process  # noqa: PLC0415  # 2 MiB that no other detector needs
    from rapidfuzz.distance import OSA  # noqa: PLC0415  # likewise

    near = process.extract(name, known, scorer=OSA.distance, score_cutoff=_NEAR, limit=None)
    return [
        key for other, distance, key in near if distance < _NEAR or min(len(name), len(other)) >= _SHORT_NAME
    ]
