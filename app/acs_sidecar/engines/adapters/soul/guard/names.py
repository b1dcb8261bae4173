"""Names of guarded files, found in the folded texts of a call (section 11.7)."""

import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from urllib.parse import unquote

from acs_sidecar.engines.adapters.soul.guard import work as costs
from acs_sidecar.engines.adapters.soul.guard.braces import BracedNames
from acs_sidecar.engines.adapters.soul.guard.characters import CUT, NAME_CODES, OTHER, Alphabet
from acs_sidecar.engines.adapters.soul.guard.patterns import NamePatterns
from acs_sidecar.engines.adapters.soul.guard.places import WILDCARD
from acs_sidecar.engines.adapters.soul.guard.spelling import (
    braced_words,
    cut_into_names,
    folded,
    texts_of,
    words_of,
)
from acs_sidecar.engines.adapters.soul.guard.work import Work, WorkSpentError

__all__ = ["GuardedNames", "segments_of"]

_STEP = re.compile(r"/\.\.(?![^/:\0])")
_LETTER = re.compile(rf"[^\W\d_]|[{NAME_CODES}{OTHER}]")
_CLASS = re.compile(r"\[(?!\.\])[^\[\]]*+\]")
_OPTION = re.compile(rf"-+(?:[^\W\d_]|[{NAME_CODES}{OTHER}])*+")


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


def _has_steps(names: str) -> bool:
    return "/.." in names and _STEP.search(names) is not None


def _without_dots(found: re.Match[str]) -> str:
    return found[0].replace(".", "")


def _patterns(pieces: Iterable[str]) -> set[str]:
    """Return the pieces with a wildcard."""
    return {piece for piece in pieces if "*" in piece or "?" in piece or "[" in piece}


def _parted(piece: str) -> list[str]:
    """Return what stands between colons, and the piece up to the first one of its last segment.

    What follows the last colon has the last segment of the whole piece, unless the colon is in it.
    """
    parts = piece.split(":")
    whole = piece.rstrip("/. ")
    colon = whole.find(":", whole.rfind("/") + 1)
    if colon < 0 and "/.." not in piece:
        return parts[:-1]
    return [*parts, piece[:colon]] if colon > 0 else parts


def _last_segment(piece: str) -> str:
    """Return what `segments_of` has last."""
    if "/.." not in piece:
        last = piece.rstrip("/. ").rpartition("/")[2]
        return (last.partition(":")[0].rstrip(". ") if ":" in last else last).strip(" ")
    steps, end = 0, len(piece)
    while end >= 0:
        start = piece.rfind("/", 0, end) + 1
        segment = piece[start:end]
        if ":" in segment:
            segment = segment.partition(":")[0]
        segment = segment.strip(" ")
        if segment == "..":
            steps += 1
        elif segment := segment.rstrip(". "):
            if not steps:
                return segment
            steps -= 1
        end = start - 1
    return ""


@dataclass(frozen=True, slots=True)
class GuardedNames:
    """The names of files by their last segments, each with the segments before it."""

    names: Mapping[str, tuple[tuple[str, ...], ...]]
    have_dots: bool
    have_separators: bool
    _alphabet: Alphabet
    _lasts: NamePatterns
    _folders: NamePatterns
    _endings: tuple[str, ...]
    _finals: frozenset[str]
    _braced: BracedNames

    @classmethod
    def of(cls, names: Iterable[str]) -> "GuardedNames":
        """Prepare names as their authors write them."""
        given = tuple(names)
        alphabet = Alphabet(map(unquote, map(unquote, given)))
        read = sorted({segments_of(folded(name, alphabet)) for name in given} - {()})
        by_last: dict[str, tuple[tuple[str, ...], ...]] = {}
        for *before, last in read:
            by_last[last] = (*by_last.get(last, ()), tuple(before))
        segments = sorted({segment for name in read for segment in name})
        return cls(
            by_last,
            all("." in last for last in by_last),
            any(CUT in cut for segment in segments for cut in cut_into_names([segment], Work(sys.maxsize))),
            alphabet,
            NamePatterns(by_last),
            NamePatterns(segments),
            tuple(by_last),
            frozenset("*?]/. ").union(last[-1] for last in by_last),
            BracedNames("/".join(name) for name in read),
        )

    def are_in(self, text: str) -> bool:
        """True if a text names one of the files, or there is more in it than is looked at."""
        try:
            return self.is_named(text, Work(costs.most_for(text)))
        except WorkSpentError:
            return True

    def is_named(self, text: str, work: Work) -> bool:
        """True if a text names one of the files. Raises `WorkSpentError`."""
        seen, has_steps = set[str](), False
        for words, braced in self._words_of(text, work):
            for names in cut_into_names(words, work):
                has_steps = has_steps or _has_steps(names)
                work.is_near = work.is_near or "/..:" in names
                if self._are_among(names, seen, work):
                    return True
            if any(self._braced.are_in(word, work) for word in braced_words(braced, work)):
                return True
        if not (self.have_separators or (has_steps and (work.is_near or self._ends_in_steps(text, work)))):
            return False
        return any(self._are_among(names, seen, work) for names in texts_of(text, self._alphabet, work))

    def _words_of(self, text: str, work: Work) -> Iterator[tuple[Set[str], Set[str]]]:
        """Yield the words of a text, as `words_of` does. Raises `WorkSpentError`."""
        return words_of(text, self._alphabet, work, have_dots=self.have_dots)

    def _ends_in_steps(self, text: str, work: Work) -> bool:
        """True if the last word of a text ends in a step up. Raises `WorkSpentError`."""
        lasts = CUT.join([word for each in text.split(CUT) for word in each.split()[-1:]])
        return any(
            _has_steps(names)
            for words, _ in self._words_of(lasts, work)
            for names in cut_into_names(words, work)
        )

    def _are_among(self, names: str, seen: set[str], work: Work) -> bool:
        """True if one of some names, but for those seen, is of a guarded file. Raises `WorkSpentError`."""
        cut = names.split(CUT)
        work.spend(costs.READING + costs.LOOK * len(names) + costs.WORD * len(cut))
        pieces = set(cut) - seen
        seen |= pieces
        work.spend(costs.NAME * len(pieces))
        named = [name for name in self._endings if name in names]
        if not named:
            pieces = _patterns(pieces)
        parted = [piece for piece in pieces if ":" in piece]
        work.spend(costs.PARTED * len(parted))
        pieces |= {part for piece in parted for part in _parted(piece)}
        work.spend(costs.WORD * len(pieces))
        ending = {piece for piece in pieces if piece[-1:] in self._finals}
        candidates = _patterns(ending)
        for name in named:
            work.spend(costs.WORD * len(ending))
            candidates.update([piece for piece in ending if name in piece])
        work.spend(costs.CANDIDATE * len(candidates))
        by_last: dict[str, list[str]] = {}
        for piece in candidates:
            if "/.." in piece:
                work.spend(costs.STEPS + costs.SEGMENT * piece.count("/"))
            by_last.setdefault(_last_segment(piece), []).append(piece)
        work.spend(costs.LAST * len(by_last))
        for last, behind in by_last.items():
            if found := self._named_by(last, work):
                for piece in behind:
                    work.spend(costs.NAMED + costs.SEGMENT * piece.count("/"))
                    if self._are_behind(piece, found):
                        return True
                work.is_near = True
        return False

    def _named_by(self, last: str, work: Work) -> Sequence[str]:
        """Return the names that a last segment can mean. Raises `WorkSpentError`."""
        if last in self.names:
            return (last,)
        if WILDCARD.search(last):
            if self._lasts.is_plausible(last):
                return self._matched_by(last, work)
            if last.startswith("-") and self._lasts.is_plausible(last[2:]):
                return self._matched_by(last[2:], work)
        elif last.startswith("-") and last.endswith(self._endings):
            return self._behind_option(last)
        return ()

    def _behind_option(self, last: str) -> Sequence[str]:
        """Return the names that an option has behind its letters: `-oSOUL.md`."""
        option = _OPTION.match(last)
        letters = option.end() if option else 0
        return [name for name in self.names if last.endswith(name, 2) and len(last) - len(name) <= letters]

    def _matched_by(self, pattern: str, work: Work) -> Sequence[str]:
        """Return the names that a pattern with a letter in its stem matches. Raises `WorkSpentError`."""
        work.spend(costs.PATTERN + costs.PATTERN_CHARACTER * len(pattern))
        plain = _CLASS.sub(_without_dots, pattern) if "[" in pattern else pattern
        if _LETTER.search(plain.rpartition(".")[0] or plain):
            return self._lasts.matched_by(pattern)
        return ()

    def _are_behind(self, piece: str, names: Iterable[str]) -> bool:
        """True if what stands before the last segment, in all or behind a colon, ends as before a name."""
        read = {segments_of(piece)[:-1], segments_of(piece.rpartition(":")[2])[:-1]}
        return any(
            self._ends_with(before, wanted)
            for name in names
            for wanted in self.names[name]
            for before in read
        )

    def _ends_with(self, segments: Sequence[str], wanted: Sequence[str]) -> bool:
        if len(segments) < len(wanted):
            return False
        pairs = zip(segments[len(segments) - len(wanted) :], wanted, strict=True)
        return all(self._is_folder(segment, name) for segment, name in pairs)

    def _is_folder(self, segment: str, name: str) -> bool:
        if WILDCARD.search(segment):
            return name in self._folders.matched_by(segment)
        return segment == name or (segment.startswith("-") and segment.endswith(name))
