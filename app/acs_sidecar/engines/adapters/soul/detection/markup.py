"""Elements of HTML within Markdown: which text a reader may not take as said (section 11.3).

Elements that arrange or emphasise text change nothing, nor do elements with names of one's own (`<rules>`,
but not `<examples>`). Others quote, hide, strike or replace their text, and so may an attribute.
"""

import re
from html.parser import HTMLParser

__all__ = ["Elements", "with_tags"]

_INLINE = frozenset({"a", "abbr", "b", "bdi", "big", "em", "font", "i", "ins", "mark", "small", "span"}) | {
    *("strong", "u", "wbr")
}
_CONCEALING = frozenset(
    {
        *("acronym", "applet", "audio", "bdo", "blockquote", "button", "canvas", "cite", "code", "datalist"),
        *("del", "dialog", "embed", "frameset", "head", "iframe", "kbd", "listing", "map", "marquee", "math"),
        *("meter", "noembed", "noframes", "noscript", "object", "option", "output", "picture", "plaintext"),
        *("portal", "pre", "progress", "q", "rb", "rp", "rt", "rtc", "ruby", "s", "samp", "script", "select"),
        *("slot", "strike", "style", "svg", "template", "textarea", "title", "tt", "var", "video", "xmp"),
    }
)
_OF_EXAMPLES = re.compile(
    "example|quot|comment|ignor|deprecat|draft|hidden|sample|bad|wrong|not[-_]|anti[-_]"
)
_TAG = re.compile(r"</?([a-z]\w*)>", re.IGNORECASE | re.ASCII)
_VOID = frozenset(
    {
        *("area", "base", "basefont", "br", "col", "embed", "frame", "hr", "image", "img", "input", "link"),
        *("meta", "param", "source", "track", "wbr"),
    }
)
_RESTYLING = frozenset({"class", "color", "dir", "hidden", "inert", "popover", "slot", "style"})
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_FOREIGN = frozenset({"math", "svg"})


def with_tags(text: str) -> str:
    """Return a text in which a name that HTML has no tags for (`<bad_rules>`) quotes as others do."""
    return _TAG.sub(_as_tag, text)


def _as_tag(tag: re.Match[str]) -> str:
    return tag[0].replace("_", "-") if _OF_EXAMPLES.search(tag[1].lower()) else tag[0]


class _MarkedSectionError(Exception):
    """There is a marked section (`<![CDATA[`), or something like it."""


class Elements(HTMLParser):
    """Follows the tags of a document, given in order.

    An element that quotes or hides is closed by its own end tag only: where tags cross, what browsers show is
    another thing than what an editor does, and nothing behind them counts.
    """

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self._open: list[str] = []
        self._is_broken = False
        self._text: list[str] = []
        self._heading: list[str] | None = None
        self.heading = ""
        """The last heading in what was followed last."""

    @property
    def conceal(self) -> bool:
        """True if a text that stands here may be hidden, quoted or struck."""
        return self._is_broken or bool(self._open)

    def follow(self, html: str) -> str:
        """Follow the tags of a piece of HTML, and return its text; what it leaves open conceals the rest."""
        self._text, self._heading, self.heading = [], None, ""
        if not self._is_broken:
            try:
                self.feed(html)
            except _MarkedSectionError:
                self._is_broken = True
            self._is_broken |= bool(self.rawdata)
        return "".join(self._text)

    def follow_inline(self, html: str) -> str:
        """Follow one tag within a text, and return what stands for it: nothing, white space, or `\\ufffc`.

        A comment, or what else is no tag, must end at its first `>`: what is behind that is shown.
        """
        if html.startswith(("<!", "<?")):
            return "\ufffc" if html.count(">") > 1 else ""
        self.follow(html)
        name = html.strip("</>").split(maxsplit=1)[0].rstrip("/>").lower()
        return "" if name in _INLINE else " "

    def parse_html_declaration(self, i: int) -> int:
        """Read a comment or a declaration; where a marked section ends is not agreed upon."""
        if self.rawdata.startswith("<![", i):
            raise _MarkedSectionError
        return super().parse_html_declaration(i)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element that stays open, where it or one around it conceals."""
        self._text.append(" ")
        if tag in _HEADINGS:
            self._heading = []
        conceals = tag in _CONCEALING or _OF_EXAMPLES.search(tag) is not None
        conceals |= any(name in _RESTYLING for name, _ in attrs)
        if tag not in _VOID and (self._open or conceals):
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element as if it stayed open, as browsers do, but not within a picture."""
        if not _FOREIGN.intersection(self._open[:1]):
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        """Close the element, if it is the innermost that is open."""
        self._text.append(" ")
        if tag in _HEADINGS and self._heading is not None:
            self.heading, self._heading = "".join(self._heading), None
        if self._open and self._open[-1] == tag:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        """Collect the text, and that of headings on their own."""
        self._text.append(data)
        if self._heading is not None:
            self._heading.append(data)
