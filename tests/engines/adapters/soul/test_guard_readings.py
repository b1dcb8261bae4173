"""How texts of calls are folded, and how many readings of them the guard looks at (section 11.7)."""

import json
import sys
import time
import tracemalloc
from random import Random

import pytest

from acs_sidecar.engines.adapters.soul.files import GUARDED_FILES
from acs_sidecar.engines.adapters.soul.guard.characters import Alphabet
from acs_sidecar.engines.adapters.soul.guard.names import GuardedNames
from acs_sidecar.engines.adapters.soul.guard.spelling import _variants, folded
from acs_sidecar.engines.adapters.soul.guard.work import Work, WorkSpentError, most_for
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


def test_a_character_folds_as_text_of_ascii() -> None:
    """What names lack is one character, and letters of other forms are those that they stand for."""
    alphabet = Alphabet(["SOUL.md", "日本.md"])
    for text, plain in [
        ("\uff33\u017f\U0001d40e\ufb01", "ssofi"),
        ("\u200b\x85\U000e0041", " "),
        ("中é\U00020000\ufdfa\ud800", "\x7fe\x7f\x7f\x7f\x7f"),
        ("日本日", "\2\3\2"),
        ("\uff08\uff3c\uff0e", "\x19/."),
    ]:
        assert alphabet.plain(text).replace("\1", "") == plain, ascii(text)
        assert folded(text, alphabet).replace("(", "\x19") == plain, ascii(text)


def test_a_character_of_names_is_told_from_others() -> None:
    """A name that is not ASCII is found, and one that differs from it in a character is not."""
    names = GuardedNames.of(["規則/日本語.md", "Straße.md"])
    for text in ("規則/日本語.md", "規則\\日?語.MD", "STRASSE.md", "strasse.md", "%E8%A6%8F則/日本語.md"):
        assert names.are_in(f"cat {text} é"), text
    for text in ("規則/日本中.md", "日本語.md", "StraBe.md", "規則/日語.md"):
        assert not names.are_in(f"cat {text} é"), text


def test_every_white_space_cuts() -> None:
    """A name ends at each, in ASCII and in other texts."""
    spaces = [character for character in map(chr, range(0x3001)) if character.isspace()]
    for before in ("a", "é"):
        for character in (*spaces, *"\"'`;|&<>=(),"):
            assert NAMES.are_in(f"{before}{character}SOUL.md"), hex(ord(character))
            assert not NAMES.are_in(f"{before}{character}SOUL.mdx"), hex(ord(character))


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


@pytest.mark.parametrize(
    "command",
    [
        "rm {a,b}/SOUL.md}",
        "rm {a,S{O}UL.md}",
        "rm SOUL.md{,.bak}",
        "rm {SOUL.md.,x}",
        "rm SOUL.md{.,x}",
        "rm S{O,}UL.md'",
        "rm {GEMINI.m?,x}",
        "rm {SOUL,x}.md%0als",
        "rm {S%00OUL,x}.md",
        r"bash -c $'rm {SOUL,x}.md\x0als'",
        r'{"command": "rm {SOUL,x}.md\u000als"}',
        r'["rm\t{SOUL,x}.md"]',
        '["{SOUL,x}.md"]',
    ],
)
def test_where_a_name_in_braces_ends(command: str) -> None:
    """A name ends at the end of a word or an alternative, and before what adds nothing to it."""
    assert NAMES.are_in(command)


@pytest.mark.parametrize(
    "command",
    [
        "rm SOUL.md{a,b}",
        "rm {SOUL,x}.mdx",
        "rm {SOUL.mdx,y}",
        "rm {a,b}.md",
        "rm *{a,b}",
        "rm {SOUL,x}/{a,b}",
    ],
)
def test_braces_that_add_to_a_name(command: str) -> None:
    """What stands behind a name belongs to it."""
    assert not NAMES.are_in(command)


@pytest.mark.parametrize(
    "command",
    [
        "rm {[a,SOUL,b]}.md",
        "rm {x[,S}OUL.m{[,d,]}",
        "rm S[O,]{UL,x}.md",
        "rm S[{O}]{UL,x}.md",
        "rm S['O,}']{UL,x}.md",
        "rm {x,S[O]UL}.md",
        "rm {[a,SO[.U]L.md}",
        "rm {[a,[b,SO[U]L,c]}.md",
        "rm {a},SOUL}.md",
        "rm S{a]},OUL,b}.md",
    ],
)
def test_brackets_in_braces(command: str) -> None:
    """Braces are expanded first: a comma in them is none of a class, and one in a class is elsewhere."""
    assert NAMES.are_in(command)


@pytest.mark.parametrize("command", ["rm %7BSOUL,x%7D.md", "rm {SOUL%2Cx}.md", "rm %257bSOUL,x%257d.md"])
def test_encoded_braces(command: str) -> None:
    """Braces are read in what percent-encodings decode to."""
    assert NAMES.are_in(command)


@pytest.mark.parametrize(
    ("same", "command"),
    [
        ('S{"O".."O"}UL.md', "rm S{O.\\\n.O}UL.md"),
        ("$^{x:-SO^UL.md}", "rm ${x:-SO\\\nUL.md}"),
        ("S[[:u^pper:]]UL.md", "rm S[[:u\\\npper:]]UL.md"),
    ],
)
def test_what_quotes_make_of_another_word_hides_none(same: str, command: str) -> None:
    """A continued line is read in every way, though it is what another word is without its quotes."""
    assert NAMES.are_in(command)
    assert NAMES.are_in(f"{same} {command}")
    assert NAMES.are_in(f"{command} {same}")


def test_what_is_remembered_does_not_grow_with_the_text() -> None:
    """Long classes and long parts of words are read again instead."""
    tracemalloc.start()
    try:
        for form in ("s[{}]*d", "{{x,s[{}]*d}}", "{{soul,-md{}}}.md"):
            for number in range(20):
                NAMES.are_in(form.format(f"{number}{'q' * 20_000}"))
        assert tracemalloc.get_traced_memory()[0] < 200_000
    finally:
        tracemalloc.stop()


def test_a_name_without_a_dot_is_found() -> None:
    """A text is read as a whole where a name has no dot."""
    names = GuardedNames.of(["CONTRACT", "SOUL.md"])
    for text in ("rm CONTRACT", "rm 'CON'TRACT", "rm {CONTRACT,x}", "rm SOUL.md", "rm C\\x4fNTRACT"):
        assert names.are_in(text), text
    assert not names.are_in("rm CONTRACTS")


def test_words_that_lie_apart_make_no_name() -> None:
    """An escape with spaces is one only where it stands so."""
    assert NAMES.are_in("tee S\\x{ 4f }UL.md")
    for between in (" ls ", " a b c ", " 'x' "):
        assert not NAMES.are_in(f"4f}}UL.md{between}S\\x{{")


def _share(text: str) -> float:
    """Which part of what may be done for a text is done for it; NAMES are not in it."""
    work = Work(sys.maxsize)
    assert not NAMES.is_named(text, work)
    return (sys.maxsize - work.left) / most_for(text)


def test_a_short_text_has_the_work_of_four_kibibytes() -> None:
    """A command of one line is read, however it is written; the work grows with the text above 4 KiB."""
    assert most_for("") == most_for("a" * 4_096) == most_for("a" * (1 << 20)) / 256
    for form in DENSE:
        assert _share(_dense(form, 200).replace("soul.md", "soul.mdx")) < 1


def test_a_text_is_read_to_the_end_of_its_work_and_no_further() -> None:
    """What needs all of it is looked at, and what needs a unit more is denied."""
    text = " ".join(f"a{number}\\x62.md" for number in range(1_000))
    work = Work(sys.maxsize)
    assert not NAMES.is_named(text, work)
    spent = sys.maxsize - work.left
    assert not NAMES.is_named(text, Work(spent))
    with pytest.raises(WorkSpentError):
        NAMES.is_named(text, Work(spent - 1))


def test_the_order_of_words_does_not_matter() -> None:
    """Words come in sets, the order of which is another in each process: their readings are the same."""
    words = ["{a,\\x5b.md", "[a]\\u5\\n.md", "b[,\\x41.md", "${c:-d[,]\\n.md}"]
    alphabet = Alphabet([])
    first, second = (
        {
            word
            for variant in _variants(order, alphabet, Work(sys.maxsize), has_parameters=True)
            for text in variant
            for word in text.split(" ")
        }
        for order in (words, words[::-1])
    )
    assert first == second


@pytest.mark.parametrize(
    "opening", ["[", "{a,", "x.{}", "s[*d", "[[:", "${", "{a..", "\\x{", "\\u{", "%", "\\", "`"]
)
@pytest.mark.parametrize(
    "repeated", [",", ":", "[:", "[a", "[[:", ":]", "]", "a", "0", " ", "{", "'", "\\", "://", "#"]
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
    assert _share(str(PLAIN[name])) < 1
    assert decide(GUARD, call({"command": PLAIN[name]})) == SILENT


@pytest.mark.slow
@pytest.mark.parametrize("form", range(len(DENSE)))
def test_the_slowest_text_is_bounded(form: int) -> None:
    """A mebibyte of it is denied before most of its readings are made; the time here is for any machine."""
    text = _dense(DENSE[form], 1 << 20)
    begun = time.process_time()
    assert decide(GUARD, call({"command": text})) == DENIED
    assert time.process_time() - begun < 20
