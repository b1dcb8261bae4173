"""Names of guarded files, found in the folded texts of a call (section 11.7)."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from acs_sidecar.engines.adapters.soul.guard.spelling import CUT, TooManyNamesError, folded, pieces

__all__ = ["GuardedNames", "segments_of"]

MAX_PATTERNS = 32
MAX_STEPS_UP = 4_096
MAX_PATTERN_LENGTH = 256

_WILDCARD = re.compile(r"[*?\[]")
_CLASS = re.compile(r"\[[!^]?\]?[^\]]*\]")
_LETTER = re.compile(r"[^\W\d_]")
_STARS = re.compile(r"\*+")
_STEP_UP = re.compile(rf"[^/{CUT}]/+\.\.[. ]*(?=[/:{CUT}]|$)")
_END = re.compile(rf"[. ]*(?::[^/{CUT}]*)?(?:/[. ]*)*(?=[{CUT}]|$)")
_BEGINNINGS = frozenset({CUT, "/", " "})


def segments_of(name: str) -> tuple[str, ...]:
    """Return the segments of a folded name, `.` and `..` resolved; above the beginning there is nothing."""
    found: list[str] = []
    if name[1:2] == ":" and name[:1].isalpha():
        name = name[2:]
    for segment in name.split("/"):
        plain = segment.partition(":")[0].strip(" ")
        if plain == "..":
            del found[-1:]
        elif plain := plain.rstrip(". "):
            found.append(plain)
    return tuple(found)


@dataclass(frozen=True, slots=True)
class GuardedNames:
    """The names of files by their last segments, each with the segments before it."""

    names: Mapping[str, tuple[tuple[str, ...], ...]]
    have_separators: bool
    _beginnings: frozenset[str]
    _endings: frozenset[str]

    @classmethod
    def of(cls, names: Iterable[str]) -> "GuardedNames":
        """Prepare names as their authors write them."""
        read = {segments_of(folded(name)) for name in names} - {()}
        by_last: dict[str, tuple[tuple[str, ...], ...]] = {}
        for *before, last in sorted(read):
            by_last[last] = (*by_last.get(last, ()), tuple(before))
        return cls(
            by_last,
            any(CUT in pieces(last) for name in read for last in name),
            frozenset(last[:end] for last in by_last for end in range(len(last) + 1)),
            frozenset(last[start:] for last in by_last for start in range(len(last) + 1)),
        )

    def found_in(self, text: str) -> bool:
        """True if a piece of a folded text is one of the names. Raises `TooManyNamesError`."""
        return (
            any(self._is_named(piece) for piece in self._pieces_that_end_so(text))
            or any(self._is_named(piece) for piece in self._pieces_that_step_up(text))
            or any(self._is_named(piece) for piece in self._plausible_patterns(text))
        )

    def _pieces_that_end_so(self, text: str) -> Iterator[str]:
        for last in self.names:
            place = text.find(last)
            while place >= 0:
                end = place + len(last)
                if _begins(text, place) and (rest := _END.match(text, end)):
                    yield text[text.rfind(CUT, 0, place) + 1 : rest.end()]
                    end = rest.end()
                place = text.find(last, end)

    def _pieces_that_step_up(self, text: str) -> Iterator[str]:
        if "/.." not in text:
            return
        seen: set[str] = set()
        place = 0
        while found := _STEP_UP.search(text, place):
            place = text.find(CUT, found.end())
            place = len(text) if place < 0 else place
            piece = text[text.rfind(CUT, 0, found.start()) + 1 : place]
            if piece not in seen:
                seen.add(piece)
                yield piece
            if len(seen) > MAX_STEPS_UP:
                raise TooManyNamesError

    def _plausible_patterns(self, text: str) -> Iterator[str]:
        """Yield each piece whose last segment is a pattern that one of the names may match."""
        if not _WILDCARD.search(text):
            return
        count = 0
        for piece in set(text.split(CUT)):
            if _WILDCARD.search(piece) and self._is_plausible(piece):
                count += 1
                if count > MAX_PATTERNS:
                    raise TooManyNamesError
                yield piece

    def _is_plausible(self, piece: str) -> bool:
        """True if a pattern begins and ends as a name does, and is as long as one where that is fixed."""
        last = piece.rstrip("/. ").rpartition("/")[2].partition(":")[0]
        wild = [found.start() for found in _WILDCARD.finditer(last)]
        if not wild or last[: wild[0]] not in self._beginnings:
            return False
        if len(last) > MAX_PATTERN_LENGTH and "[" in last:
            return True
        if "[" not in last:
            ending = last[wild[-1] + 1 :]
            if ending not in self._endings:
                return False
            return "*" in last or len(last) in map(len, self.names)
        plain = _CLASS.sub("?", last)
        return "*" in plain or len(plain) in map(len, self.names)

    def _is_named(self, piece: str) -> bool:
        *before, last = segments_of(piece) or ("",)
        if not _WILDCARD.search(last):
            found: Iterable[str] = (last,) if last in self.names else ()
        elif _LETTER.search(last.rpartition(".")[0] or last):
            found = [name for name in self.names if _matches(last, name)]
        else:
            found = ()
        return any(_ends_with(before, wanted) for name in found for wanted in self.names[name])


def _begins(text: str, place: int) -> bool:
    """True if a name can begin at a place: at the start of a segment, or behind a drive's letter."""
    if place == 0 or text[place - 1] in _BEGINNINGS:
        return True
    if text[place - 1] != ":" or not text[max(0, place - 2)].isalpha():
        return False
    return place == 2 or (place > 2 and text[place - 3] == CUT)


def _ends_with(segments: Sequence[str], wanted: Sequence[str]) -> bool:
    if len(segments) < len(wanted):
        return False
    pairs = zip(segments[len(segments) - len(wanted) :], wanted, strict=True)
    return all(_matches(segment, name) for segment, name in pairs)


def _matches(segment: str, name: str) -> bool:
    if not _WILDCARD.search(segment):
        return segment == name
    pattern = _STARS.sub("*", segment)
    return len(pattern) > MAX_PATTERN_LENGTH or fnmatchcase(name, pattern)
