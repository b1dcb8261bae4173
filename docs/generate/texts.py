"""Texts of the tables that the code has no place for, each file held equal to what the code has."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

__all__ = ["TextsError", "load_texts", "require_entries", "require_same"]

_FOLDER = Path(__file__).parent / "data"


class TextsError(ValueError):
    """A table lacks a text for something in the code, or has one for something that is gone."""


def load_texts(name: str) -> dict[str, Any]:
    """Read one file of texts."""
    texts: dict[str, Any] = yaml.load((_FOLDER / name).read_text(), Loader=yaml.CSafeLoader)
    return texts


def require_same(name: str, texts: Iterable[str], in_code: Iterable[str]) -> None:
    """Raise `TextsError` unless there is exactly one text for each name in the code."""
    written, wanted = list(texts), set(in_code)
    faults = [f"`{text}` has no text" for text in sorted(wanted - set(written))]
    faults += [f"`{text}` is not in the code" for text in sorted(set(written) - wanted)]
    faults += [f"`{text}` is there twice" for text in sorted(set(written)) if written.count(text) > 1]
    if faults:
        raise TextsError(f"docs/generate/data/{name}: {'; '.join(faults)}")


def require_entries(name: str, entries: Mapping[str, Mapping[str, str]], *parts: str) -> None:
    """Raise `TextsError` unless each entry has exactly these parts, none of them empty."""
    for entry, texts in entries.items():
        if set(texts) != set(parts) or not all(texts.values()):
            raise TextsError(f"docs/generate/data/{name}: `{entry}` needs {' and '.join(parts)}")
