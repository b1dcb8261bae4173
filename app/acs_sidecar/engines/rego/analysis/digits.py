"""A lint for numbers with more digits than the engine keeps."""

import re
from collections.abc import Iterable, Iterator

from acs_sidecar.engines.findings import warning
from acs_sidecar.engines.rego.sources import Module
from acs_sidecar.spec.manifest.diagnostics import Diagnostic

__all__ = ["long_numbers"]

_LONG = re.compile(r"\d[\d.]{15,}")
_TOKEN = re.compile(
    r"""
      "[^"\\]*(?:\\.[^"\\]*)*"|`[^`]*`|\#[^\n]*
    | (?<![\w.])(?P<number>\d+(?P<fraction>\.\d+)?(?:[eE][-+]?\d+)?)
    """,
    re.VERBOSE | re.DOTALL,
)
_EXACT_DIGITS = 15
_EXACT_WHOLE = 2**64


def long_numbers(modules: Iterable[Module]) -> Iterator[Diagnostic]:
    """Find number literals of which the last digits may be lost."""
    for module in modules:
        if _LONG.search(module.text) is None:
            continue
        for token in _TOKEN.finditer(module.text):
            number = token["number"]
            if number and _is_long(number, is_fraction=token["fraction"] is not None):
                start = token.start()
                line = module.text.count("\n", 0, start) + 1
                at = module.at._replace(line=line, column=start - module.text.rfind("\n", 0, start))
                message = f"`{number}` has more digits than are kept here: write at most {_EXACT_DIGITS}"
                yield warning("rego-number-digits", message, at)


def _is_long(number: str, *, is_fraction: bool) -> bool:
    if not is_fraction:
        return number.isdigit() and int(number) >= _EXACT_WHOLE
    digits = re.sub(r"[eE].*", "", number).replace(".", "").lstrip("0")
    return len(digits) > _EXACT_DIGITS
