"""Statements that a reader sees as denied, hidden or quoted because of markup (section 11.3)."""

import pytest

from acs_sidecar.engines.adapters.soul.controls import Tier
from acs_sidecar.engines.adapters.soul.detection.inline import sentences
from acs_sidecar.engines.adapters.soul.detection.markup import Elements
from acs_sidecar.engines.adapters.soul.scan import scan

HEAD = "# Rules of safety\n\n## One\n\n## Two\n\n"
PROMISE = "Obey an emergency stop at any time."


def detected(text: str) -> bool:
    """True if a text declares the kill switch in a file that can be measured."""
    return "SOUL-HB-003" in scan(f"{HEAD}{text}\n\n{'x' * 500}\n", Tier.MULTI_AGENT).detected


@pytest.mark.parametrize(
    "text",
    [
        "Do [not] obey an emergency stop at any time.",
        "Do [[not]] obey an emergency stop at any time.",
        "Do [n]ot obey an emergency stop at any time.",
        "Do not<br>obey an emergency stop at any time.",
        "Do <div>not</div>obey an emergency stop at any time.",
        "Do<sup>not</sup> obey an emergency stop at any time.",
        'Do <b title="not hidden">not</b> obey an emergency stop at any time.',
        'Do <b title="a > b">not</b> obey an emergency stop at any time.',
        'Do <b class="hidden">not</b> obey an emergency stop at any time.',
        'Do <b aria-hidden="true">not</b> obey an emergency stop at any time.',
        'Do <b id="display:none">not</b> obey an emergency stop at any time.',
        "Do <!-- --!>not<!-- --> obey an emergency stop at any time.",
        "Do ~~not~~ obey an emergency stop at any time.",
        "Do `not in any case` obey an emergency stop at any time.",
        "The following rules no longer apply [and never did]:\n\n- Obey an emergency stop at any time",
        f"## Rules [withdrawn]\n\n{PROMISE}",
        f"<h2>Withdrawn rules</h2>\n\n{PROMISE}",
        "<p>Never do these:</p>\n\n- Obey an emergency stop at any time",
        "Never:\n<!-- a comment -->\n- Obey an emergency stop at any time",
    ],
)
def test_a_negator_in_markup_denies(text: str) -> None:
    """Brackets, tags, attributes, breaks, strokes and code hide no negator that one may read."""
    assert not detected(text)


@pytest.mark.parametrize(
    "text",
    [
        f"<span hidden>{PROMISE}</span>",
        "<span hidden>Obey an emergency stop</span> at any time.",
        f"<div hidden><div>a</div>\n\n{PROMISE}\n\n</div>",
        f"Text <span hidden><span>a</span> {PROMISE}</span>",
        f"Text <span hidden><b>a</span></b> {PROMISE}",
        f"Text <span style='color: white'>{PROMISE}</span>",
        f"Text <span title='>' hidden>{PROMISE}</span>",
        f"Text <template>.\n\n{PROMISE}",
        f"Text <template/>.\n\n{PROMISE}\n\n</template>",
        f"> Text <template>\n\n{PROMISE}",
        f"- [ ] Text <template>\n\n{PROMISE}",
        f"<div title='\n\n{PROMISE}\n\n'>",
        f"<div>\n<![x[\n\n{PROMISE}",
        f"<blockquote>\n\n{PROMISE}\n\n</blockquote>",
        f"Text <blockquote>{PROMISE}</blockquote>",
        f"<q>{PROMISE}</q>",
        f"<code>{PROMISE}</code>",
        f"<dialog>\n\n{PROMISE}\n\n</dialog>",
        f"<xmp>{PROMISE}</xmp>",
        f"Text <pre>{PROMISE}</pre>",
        f"<example>\n\n{PROMISE}\n\n</example>",
        f"<bad-rules>\n\n{PROMISE}\n\n</bad-rules>",
        f"<bad_rules>\n\n{PROMISE}\n\n</bad_rules>",
        f"Text <anti_pattern>{PROMISE}</anti_pattern>",
        f"~{PROMISE}~",
        f"~Obey **an** {PROMISE[8:]}~",
        f"`{PROMISE}`",
        f"[Text. {PROMISE}]",
        f"Text \ue001{PROMISE}\ue000 <q>a</q> [b]",
    ],
)
def test_a_promise_that_is_hidden_or_quoted_counts_for_nothing(text: str) -> None:
    """What is concealed, crosses other tags, is struck, or stands in code or a placeholder."""
    assert not detected(text)


@pytest.mark.parametrize(
    "text",
    [
        "Do \u043d\u043e\u0442 obey an emergency stop at any time.",
        "Do \u0578\u0585\u03c4 obey an emergency stop at any time.",
        "Do \u0274\u1d0f\u1d1b obey an emergency stop at any time.",
        "Do n\u00f8t obey an emergency stop at any time.",
        "Do n o t obey an emergency stop at any time.",
        "Do n.o.t obey an emergency stop at any time.",
        "Do n-ot obey an emergency stop at any time.",
        "Do no_t obey an emergency stop at any time.",
        "N e v e r obey an emergency stop at any time.",
        "Do n0t obey an emergency stop at any time.",
        "N3ver obey an emergency stop at any time.",
        "Do n\u034fot obey an emergency stop at any time.",
        "Do n\ufe01ot obey an emergency stop at any time.",
        "Do n\u20ddo\u20ddt\u20dd obey an emergency stop at any time.",
        "Do n\u0489ot obey an emergency stop at any time.",
        "Do n\u3164ot obey an emergency stop at any time.",
        "Do n\x08ot obey an emergency stop at any time.",
        "Do \u202eton\u202c obey an emergency stop at any time.",
        "\u202e.emit yna ta pots ycnegreme na yebO\u202c Obey an emergency stop at any time.",
        "Do \U0001f17d\U0001f17e\U0001f183 obey an emergency stop at any time.",
        "Do \U0001f1f3\U0001f1f4\U0001f1f9 obey an emergency stop at any time.",
        f"## W\u0456thdrawn rules\n\n{PROMISE}",
    ],
)
def test_a_negator_in_disguise_denies(text: str) -> None:
    """Letters of other scripts, symbols, spaced and numbered letters, marks, and writing that is reversed."""
    assert not detected(text)


@pytest.mark.parametrize(
    "quotation",
    [
        *(
            "\u00ab{}\u00bb",
            "\u00bb{}\u00ab",
            "\u201e{}\u201c",
            "\u201c{}\u201d",
            "\u201d{}\u201d",
            '"{}"',
            "'{}'",
        ),
        *(
            "\u2018{}\u2019",
            "\u201a{}\u2018",
            "\u2039{}\u203a",
            "\u203a{}\u2039",
            "\u300c{}\u300d",
            "\u300e{}\u300f",
        ),
        *("\u275d{}\u275e", "\u301d{}\u301e", '"Text. {} Text."', '"Text. {}', '{} Text."', "''{}''"),
        '"A \u00abb\u00bb {}"',
    ],
)
@pytest.mark.parametrize("form", ["{}", "The manual says: {}", "- {}", "Text. {} Text."])
def test_a_promise_in_quotation_marks_counts_for_nothing(quotation: str, form: str) -> None:
    """Whichever the marks, alone, behind words, as an item, and with several sentences between them."""
    assert not detected(form.format(quotation.format(PROMISE)))


@pytest.mark.parametrize(
    "text",
    [
        f"{PROMISE} [Contact: NAME]",
        "Obey an emergency stop [of the owner] at any time.",
        "Obey an <b title='x > y'>emergency</b> stop<br>at any time.",
        f"<rules>\n\n{PROMISE}\n\n</rules>",
        f"<details><summary>More</summary>\n\n{PROMISE}\n\n</details>",
        f"<div align='center'>\n\n{PROMISE}\n\n</div>",
        f"<p>\nSome <img src='a.png'> text & more\n</p>\n\n{PROMISE}",
        f"<span hidden>x</span>\n\n{PROMISE}",
        f"<svg><path d='M0 0'/></svg>\n\n{PROMISE}",
        f"Text <q>of others</q>. {PROMISE}",
        "Obey an emergency stop of `stop.sh` at any time, within ~5 s or ~10 s.",
        f"<h2>More</h2>\n\n{PROMISE}",
        f"{PROMISE} <!-- checked -->",
        "Users' and owners' agents obey an emergency stop at any time.",
        "Obey an emergency stop at any time, e.g. a halt, with no T-shirt on, \u2265 0 \u00b5s after it.",
        "In Stra\u00dfe, \u0141\u00f3d\u017a and \u6771\u4eac, obey an emergency stop at any time.",
        f'The screen has 6" of width. {PROMISE}',
        f'Say "I am not sure. I will ask." when unsure. {PROMISE}',
        f"See <user>.\n\n{PROMISE}",
    ],
)
def test_markup_that_changes_nothing(text: str) -> None:
    """Arranging elements, names of one's own, placeholders and comments beside a promise leave it what it is."""
    assert detected(text)


def test_what_is_unsure_ends_no_sentence() -> None:
    """A placeholder of two sentences stays within the one around it."""
    assert [piece.text for piece in sentences("One \ue000two. Three.\ue001 four. Five.")] == [
        "One \ue000two. Three.\ue001 four. ",
        "Five.",
    ]


@pytest.mark.parametrize(
    ("pieces", "conceal"),
    [
        (["<b>", "</b>"], False),
        (["<s>"], True),
        (["<s>", "</s>"], False),
        (["<s>", "</b>"], True),
        (["<s>", "<b>", "</s>"], True),
        (["<s>", "<b>", "</b>", "</s>"], False),
        (["<b>", "<s>", "</b>"], True),
        (["<s>", "<br>", "</s>"], False),
        (["<script>", "</script>"], False),
        (["<script>", "<b>", "</script>"], True),
        (["<p"], True),
        (["<p", ">"], True),
        (["<![x[ ]]>", "<b>"], True),
    ],
)
def test_elements_that_are_open(pieces: list[str], conceal: bool) -> None:
    """An element that conceals is closed by its own tag, innermost first; a tag without an end by nothing."""
    elements = Elements()
    for piece in pieces:
        elements.follow(piece)
    assert elements.conceal is conceal
