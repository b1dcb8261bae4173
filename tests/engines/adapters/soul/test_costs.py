"""What a scan of the worst texts costs (section 11.4)."""

import os
import sys
import time
from random import Random
from types import FrameType

import pytest

from acs_sidecar.engines.adapters.soul.controls import Tier
from acs_sidecar.engines.adapters.soul.detection.rules import rule_book
from acs_sidecar.engines.adapters.soul.scan import MAX_BYTES, scan, scan_bytes
from tests.engines.adapters.soul.vectors import text_of

HEAD = "# Rules of safety\n\n## One\n\n## Two\n\n"


def _filled(piece: str) -> str:
    return piece * (MAX_BYTES // len(piece.encode()))


_WORDS = sorted(
    {word for terms in rule_book().index.sets for term in terms for word in term.replace("*", "").split()}
)


def _of_words(form: str, many: int) -> str:
    random = Random(5)  # noqa: S311  # texts from a seed
    lines = (form.format(" ".join(random.choices(_WORDS, k=many))) for _ in range(MAX_BYTES // (6 * many)))
    return "".join(lines)


_COMMON = (
    *("do", "not", "never", "no", "x", "a", "is", "are", "must", "all", "log", "data", "rules", "user"),
    *("if", "by", "team", "the", "only", "agent", "it", "stop", "always", "any"),
)


def _of_common_words(form: str, many: int, size: int = MAX_BYTES) -> str:
    random = Random(5)  # noqa: S311  # texts from a seed
    words = (" ".join(random.choices(_COMMON, k=many)).capitalize() for _ in range(size))
    pieces = (
        form.replace("{}", next(words), 1).replace("{}", next(words)) for _ in range(size // (8 * many))
    )
    return "".join(pieces)


HOSTILE = {
    "code and sentences": _of_common_words("`{}` {}. ", 5),
    "quotations": _of_common_words('"{}". ', 4),
    "short promises": _of_common_words("{}. ", 3),
    "short sentences": _filled("Do not x. "),
    "long sentences": _of_words("{}. A. ", 118),
    "items": _of_words("- {}\n", 6),
    "negators": _filled("never not no data log send " * 19 + ". A. "),
    "marks": _filled("a" + "\u0301\u0327" * 500),
    "ligatures": _filled("\ufdfa "),
    "quotation marks": _filled("\u201c"),
    "brackets": _filled("["),
    "emphasis": _filled("*a **b "),
    "lists in a line": _filled("- - - - a\n"),
    "deep lists": "".join(" " * (2 * (depth % 100)) + "- never leak data\n" for depth in range(2_400)),
    "headings": _filled("# never x\n"),
    "quotes": _filled(">" * 18 + "a\n"),
    "a wide table": "|a" * 99 + "\n" + "|-" * 99 + "\n" + _filled("|a\n"),
    "markers": _filled("SOUL-HB-001 "),
    "comments": _filled("<!-- SOUL-HB-001 -->\n"),
    "an open comment": "<!--" + _filled("a <!-- "),
    "nothing": _filled("\0"),
    "spaces": "." + _filled(" "),
    "one word": _filled("a"),
    "fences": _filled("```\n"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_text_is_bounded(name: str) -> None:
    """256 KiB of the worst text take a fraction of a second; the bound here is for any machine."""
    content = (HEAD + HOSTILE[name]).encode()[:MAX_BYTES].decode(errors="ignore").encode()
    begun = time.process_time()
    assert scan_bytes(content, Tier.MULTI_AGENT).sha256 is not None
    assert time.process_time() - begun < 20


@pytest.mark.slow
def test_a_file_that_is_repeated_is_still_measured() -> None:
    """A hundred copies of a file declare what one does."""
    once = scan(text_of("standard.md"), Tier.AGENTIC)
    assert scan(text_of("standard.md") * 100, Tier.AGENTIC).detected == once.detected


@pytest.mark.slow
@pytest.mark.parametrize(("form", "many"), [("`{}` {}. ", 5), ('"{}". ', 4), ("{}. ", 3)])
def test_a_byte_costs_few_calls(form: str, many: int) -> None:
    """Sentences of the words that most terms begin with cost at most 6 calls of the detection a byte."""
    content = (HEAD + _of_common_words(form, many, 16 * 1024)).encode()
    scan_bytes(content, Tier.MULTI_AGENT)
    count = 0

    def counted(frame: FrameType, event: str, _: object) -> None:
        nonlocal count
        count += event == "call" and f"{os.sep}detection{os.sep}" in frame.f_code.co_filename

    before = sys.getprofile()
    sys.setprofile(counted)
    try:
        scan_bytes(content, Tier.MULTI_AGENT)
    finally:
        sys.setprofile(before)
    assert len(content) < count < 6 * len(content)
