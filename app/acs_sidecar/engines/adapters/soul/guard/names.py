"""Names of guarded files, found in the folded texts of a call (section 11.7)."""

import re
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

from acs_sidecar.engines.adapters.soul.guard.braces import BracedNames
from acs_sidecar.engines.adapters.soul.guard.patterns import NamePatterns
from acs_sidecar.engines.adapters.soul.guard.places import WILDCARD
from acs_sidecar.engines.adapters.soul.guard.spelling import (
    CUT,
    braced_words,
    folded,
    spellings,
    variants_of,
)

__all__ = ["GuardedNames", "segments_of"]

MAX_PATTERNS = 4_096
MAX_STEPS_UP = 4_096

MAX_BRACED = 4_096

MAX_READINGS = 32_768
"""Names that quotes, escapes and encodings make of a text beside those that stand in it."""

_LETTER = re.compile(r"[^\W\d_]")
_OPTION = re.compile(r"-+[^\W\d_]*")


class _TooManyNamesError(ValueError):
    """A call with more names that could be of a governance file than are looked at."""


def segments_of(name: str) -> tuple[str, ...]:
    """Return the segments of a folded name, `.` and `..` resolved; above the beginning there is nothing."""
    found: list[str] = []
    if name[1:2] == ":" and name[:1].isalpha():
        name = name[2:]
    for segment in name.split("/"):
        plain = segment
        if ":" in plain:
            plain = plain.partition(":")[0]
        if " " in plain:
            plain = plain.strip(" ")
        if plain == "..":
            del found[-1:]
        elif plain := plain.rstrip(". "):
            found.append(plain)
    return tuple(found)


def _last_segment(piece: str) -> str:
    """Return what `segments_of` has last, where no step up leads elsewhere."""
    last = piece.rstrip("/. ")
    if "/" in last:
        last = last.rpartition("/")[2]
    if ":" in last:
        last = last.partition(":")[0].rstrip(". ")
    return last.strip(" ") if " " in last else last


@dataclass(frozen=True, slots=True)
class GuardedNames:
    """The names of files by their last segments, each with the segments before it."""

    names: Mapping[str, tuple[tuple[str, ...], ...]]
    have_separators: bool
    _lasts: NamePatterns
    _folders: NamePatterns
    _endings: tuple[str, ...]
    _braced: BracedNames

    @classmethod
    def of(cls, names: Iterable[str]) -> "GuardedNames":
        """Prepare names as their authors write them."""
        read = sorted({segments_of(folded(name)) for name in names} - {()})
        by_last: dict[str, tuple[tuple[str, ...], ...]] = {}
        for *before, last in read:
            by_last[last] = (*by_last.get(last, ()), tuple(before))
        segments = {segment for name in read for segment in name}
        return cls(
            by_last,
            any(
                CUT in spelling for each in segments for spelling in spellings(variants_of(each), uncut=False)
            ),
            NamePatterns(by_last),
            NamePatterns(sorted(segments)),
            tuple(by_last),
            BracedNames("/".join(name) for name in read),
        )

    def are_in(self, text: str) -> bool:
        """True if a text names one of the files, or more than is looked at."""
        variants = tuple(variants_of(text))
        try:
            return self._are_in_pieces(variants) or self._are_in_braces(variants)
        except _TooManyNamesError:
            return True

    def _are_in_pieces(self, variants: Iterable[str]) -> bool:
        """True if a piece of variants of a text is a guarded name. Raises `_TooManyNamesError`."""
        seen: set[str] = set()
        readings = 0
        for spelling in spellings(variants, uncut=self.have_separators):
            if not self._may_have_name(spelling):
                continue
            pieces = set(spelling.split(CUT))
            if ":" in spelling:
                pieces.update(spelling.replace(":", CUT).split(CUT))
            pieces -= seen
            readings += len(pieces) if seen else 0
            if readings > MAX_READINGS:
                raise _TooManyNamesError
            seen |= pieces
            if self._is_among(pieces):
                return True
        return False

    def _may_have_name(self, text: str) -> bool:
        """True if a name or a pattern can be in a text, which is quick to see."""
        return any(wildcard in text for wildcard in "*?[") or any(last in text for last in self.names)

    def _are_in_braces(self, variants: Iterable[str]) -> bool:
        """True if braces make a guarded name. Raises `_TooManyNamesError`."""
        seen: set[str] = set()
        for word in braced_words(variants):
            if word not in seen:
                seen.add(word)
                if len(seen) > MAX_BRACED:
                    raise _TooManyNamesError
                if self._braced.are_in(word):
                    return True
        return False

    def _is_among(self, pieces: Set[str]) -> bool:
        """True if one of some pieces is a guarded name. Raises `_TooManyNamesError`."""
        patterns = steps = 0
        for piece in pieces:
            segments = None
            if "/.." in piece:
                if not self._may_have_name(piece):
                    continue
                steps += 1
                segments = segments_of(piece)
                last = segments[-1] if segments else ""
            else:
                last = _last_segment(piece)
            found: Sequence[str] = ()
            if last in self.names:
                found = (last,)
            elif WILDCARD.search(last):
                if self._lasts.is_plausible(last):
                    patterns += 1
                    found = self._matched_by(last)
                elif last.startswith("-") and self._lasts.is_plausible(last[2:]):
                    patterns += 1
                    found = self._matched_by(last[2:])
            elif last.startswith("-") and last.endswith(self._endings):
                found = self._behind_option(last)
            if patterns > MAX_PATTERNS or steps > MAX_STEPS_UP:
                raise _TooManyNamesError
            if found and self._are_behind(segments or segments_of(piece), found):
                return True
        return False

    def _behind_option(self, last: str) -> Sequence[str]:
        """Return the names that an option has behind its letters: `-oSOUL.md`."""
        option = _OPTION.match(last)
        letters = option.end() if option else 0
        return [name for name in self.names if last.endswith(name, 2) and len(last) - len(name) <= letters]

    def _matched_by(self, pattern: str) -> Sequence[str]:
        """Return the names that a pattern with a letter in its stem matches."""
        if _LETTER.search(pattern.rpartition(".")[0] or pattern):
            return self._lasts.matched_by(pattern)
        return ()

    def _are_behind(self, segments: Sequence[str], names: Iterable[str]) -> bool:
        """True if the segments before the last are those before one of some names."""
        before = segments[:-1]
        return any(self._ends_with(before, wanted) for name in names for wanted in self.names[name])

    def _ends_with(self, segments: Sequence[str], wanted: Sequence[str]) -> bool:
        if len(segments) < len(wanted):
            return False
        pairs = zip(segments[len(segments) - len(wanted) :], wanted, strict=True)
        return all(self._is_folder(segment, name) for segment, name in pairs)

    def _is_folder(self, segment: str, name: str) -> bool:
        if WILDCARD.search(segment):
            return name in self._folders.matched_by(segment)
        return segment == name or (segment.startswith("-") and segment.endswith(name))
