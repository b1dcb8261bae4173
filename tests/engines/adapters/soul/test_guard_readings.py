"""How texts of calls are folded, and how many readings of them the guard looks at (section 11.7)."""

import json
import sys
import time
from random import Random

import pytest

from acs_sidecar.engines.adapters.soul.files import GUARDED_FILES
from acs_sidecar.engines.adapters.soul.guard.names import GuardedNames
from acs_sidecar.engines.adapters.soul.guard.spelling import CUT, folded, spellings, variants_of
from acs_sidecar.spec.values import Json
from tests.engines.adapters.soul.policies import decide
from tests.engines.adapters.soul.test_guard import DENIED, GUARD, SILENT, call

NAMES = GuardedNames.of(GUARDED_FILES)
DENSE = [
    r'"%e9soul.md\u0002*%22_\\u5*d/..`\n\u0002\u0002soul0\u00e9[[:alpha:]]\\u004fsoul.md\u0002*%22_-oS\\u5{,\t\u0002{a..b}[a-z]\u0000]C:#[[:alpha:]]\uff0e<-oS\u0002{a..b}%2a\\e]"',
    r'"\\\u0002x{,*534%001{%.%..+,\\\u0000}\\u{53}\u0002[[:alpha:]]/..\\u541S*d%2541"',
    r'"/..$\"\u0002%0a\\u004f]\ua641://?.md\u00021{a..b\u0002/.,./[q,]'
    r"'&\u0002'\n${x:-%25}%e9$'q'`\n"
    '"',
]
"""What a search for the slowest text found; random letters stand for each U+0002."""


def _dense(form: str, size: int) -> str:
    random = Random(7)  # noqa: S311  # texts from a seed
    pieces, length = list[str](), 0
    while length < size:
        piece = "".join(
            "".join(random.choices("abcdefghijklmnopqrstuvwxyz", k=8)) if character == "\x02" else character
            for character in json.loads(form)
        )
        pieces.append(piece)
        length += len(piece.encode())
    return "".join(pieces)


@pytest.mark.slow
def test_a_character_folds_alike_in_any_text() -> None:
    """Of a text that is ASCII but for a few characters these are folded alone, and to the same."""
    around = "A" * 60
    for code in range(128, sys.maxunicode + 1, 37):
        character = chr(code)
        assert folded(f"{around}{character}\n\x7f") == f"{'a' * 60}{folded(character)}", hex(code)


def test_every_white_space_cuts() -> None:
    """A name ends at each, in ASCII and in other texts."""
    spaces = [character for character in map(chr, range(0x3001)) if character.isspace()]
    for before in ("a", "é"):
        for character in (*spaces, *"\"'`;|&<>=(),"):
            cut = next(spellings(variants_of(f"{before}{character}SOUL.md"), uncut=False))
            assert CUT in cut, hex(ord(character))


@pytest.mark.parametrize(
    "command", ["ls\n{SOUL,x}.md", "{SOUL,x}.md\nls", "a\t{SOUL,x}.md\tb", "a\r\n{SOUL,x}.md\r\n"]
)
def test_braces_are_read_in_every_line(command: str) -> None:
    """A word with braces ends at the end of its line."""
    assert NAMES.are_in(command)


@pytest.mark.parametrize("quote", list("\"'`\\^"))
def test_quotes_are_removed_from_any_text(quote: str) -> None:
    """A name in quotes is one in a text of other characters too."""
    assert NAMES.are_in(f"é SO{quote}UL{quote}.md")


def test_a_text_of_more_readings_than_are_looked_at_is_denied() -> None:
    """What quotes and escapes make of 32,768 names is looked at, and one name more is not."""
    text = "[ " + " ".join(f"a{number}\\x62" for number in range(16_384))
    assert not NAMES.are_in(text)
    assert NAMES.are_in(f"{text} b\\x62")


@pytest.mark.parametrize("opening", ["[", "{a,", "s[*d", "[[:", "${", "{a..", "\\x{", "\\u{", "%", "\\", "`"])
@pytest.mark.parametrize(
    "repeated", [":", "[:", "[a", "[[:", ":]", "]", "a", "0", " ", "{", "'", "\\", "://", "#"]
)
def test_an_open_form_is_read_once(opening: str, repeated: str) -> None:
    """What begins a class, an escape or a parameter and never ends costs no more than other text."""
    text = opening + repeated * ((1 << 17) // len(repeated))
    begun = time.process_time()
    NAMES.are_in(text)
    assert time.process_time() - begun < 5


PLAIN: dict[str, Json] = {
    "a listing": "\n".join(f"copy C:\\Users\\n{n}\\t{n}.txt D:\\x{n}\\*.tx?" for n in range(1_000)),
    "programs": "\n".join(
        rf"sed -e 's/\([a-z]*{n}\)\.txt/\1\"{n}\"/g' \"${{f{n}%%.*}}\".{{a,b}}" for n in range(2_000)
    ),
    "LaTeX": "\n".join(rf"\cmd{n}{{x_{{{n}}},y}} [é] \ref{{eq:{n}}}" for n in range(500)),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", PLAIN)
def test_what_people_write_is_looked_at_as_a_whole(name: str) -> None:
    """Much text with backslashes, quotes and braces is not denied for that."""
    assert decide(GUARD, call({"command": PLAIN[name]})) == SILENT


@pytest.mark.slow
@pytest.mark.parametrize("form", range(len(DENSE)))
def test_the_slowest_text_is_bounded(form: int) -> None:
    """A mebibyte of it is denied before most of its readings are made; the time here is for any machine."""
    text = _dense(DENSE[form], 1 << 20)
    begun = time.process_time()
    assert decide(GUARD, call({"command": text})) == DENIED
    assert time.process_time() - begun < 20
