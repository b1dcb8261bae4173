"""The pictures of the documentation: each page, light and dark, wide and narrow, and each of them in use."""

import re

from tests.conftest import ROOT
from tests.console.pictures import FOLDER, PAGES, SCHEMES, WIDTHS


def test_every_picture_is_used() -> None:
    """In the guide or the README, and those that are used are there."""
    made = {f"{page}-{scheme}-{width}.png" for page in PAGES for scheme in SCHEMES for width in WIDTHS}
    text = (ROOT / "docs/console.md").read_text() + (ROOT / "README.md").read_text()
    assert {path.name for path in FOLDER.iterdir()} == made | {"terminal.svg"}
    assert set(re.findall(r"pictures/([\w.-]+)", text)) == made | {"terminal.svg"}
