"""What a scan of the worst texts costs (section 11.4)."""

import time
from random import Random

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


HOSTILE = {
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
