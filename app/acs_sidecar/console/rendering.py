"""Pages out of templates: everything that comes from elsewhere is text, and shows as it is (section 15.1)."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

import orjson
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

from acs_sidecar.spec.printable import printable, printable_json
from acs_sidecar.spec.values import Json

__all__ = ["MARKS", "STATIC", "page", "prepare", "rendered"]

_FOLDER = Path(__file__).parent
STATIC: Final = _FOLDER / "static"
MARKS: Final[Mapping[str, str]] = {
    "allow": "\N{CHECK MARK}",
    "warn": "!",
    "deny": "\N{MULTIPLICATION X}",
    "escalate": "?",
    "transform": "\N{CLOCKWISE OPEN CIRCLE ARROW}",
}
"""A mark beside each decision's word, for those to whom its colour says nothing."""


def page(request: Request, template: str, status: int = 200, /, **members: object) -> HTMLResponse:
    """Answer with a page."""
    return HTMLResponse(rendered(request, template, **members), status)


def rendered(request: Request, template: str, /, **members: object) -> str:
    """Return a page or a part of one; its links begin with the path of this run."""
    base = "/" + request.scope["path"].removeprefix("/").partition("/")[0]
    return _environment().get_template(template).render(base=base, **members)


async def prepare() -> None:
    """Load what the first page needs: its templates, and what answers with files."""
    environment = _environment()
    for name in environment.list_templates():
        environment.get_template(name)
    await StaticFiles(directory=STATIC).get_response(
        "console.css", {"type": "http", "method": "GET", "headers": []}
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER / "templates"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "shown": _shown,
        "as_json": _as_json,
        "manifest_text": _manifest_text,
        "bytes": _bytes,
        "count": _count,
    }
    environment.globals["marks"] = MARKS
    return environment


def _shown(value: object) -> str:
    """Write a value so that no character of it moves or turns others; nothing as a dash."""
    if isinstance(value, bool):
        return str(value).lower()
    return "\N{EN DASH}" if value in (None, "", [], {}) else printable(str(value))


def _count(value: int) -> str:
    """Write a number with thin spaces between its thousands."""
    return f"{value:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def _bytes(value: int) -> str:
    """Write a number of bytes in the unit that people read it in."""
    amount, unit = float(value), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if amount < 1000:
            break
        amount, unit = amount / 1000, larger
    return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"


def _as_json(value: Json) -> Markup:
    """Colour a value as indented JSON."""
    return _code(printable_json(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()), "json")


def _code(text: str, language: str) -> Markup:
    """Colour a text; the classes of its parts are in the style sheet."""
    lexer = get_lexer_by_name(language, ensurenl=False, stripnl=False)
    return Markup(highlight(text, lexer, HtmlFormatter(nowrap=True)))  # noqa: S704  # the formatter escapes


def _manifest_text(text: str, language: str) -> Markup:
    """Colour the text of a manifest line by line as it is."""
    return _code("\n".join(printable(line) for line in text.splitlines()), language)
