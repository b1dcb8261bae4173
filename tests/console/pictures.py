"""`python -m tests.console.pictures`: makes the pictures of the documentation, in Chromium and of a terminal."""

import subprocess
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console as Terminal
from rich.text import Text

from tests.conftest import COMMAND, ROOT, environment
from tests.console.browser import browser, settled
from tests.console.examples import let_in, running_examples
from tests.console.logs import VKEY
from tests.console.running import Console

FOLDER = ROOT / "docs" / "pictures"
SCHEMES = ("light", "dark")
WIDTHS = (360, 1024)
HEIGHT = 760
PAGES = {
    "overview": "/",
    "decisions": "/decisions",
    "record": "",
    "approvals": "/approvals",
    "verify": "/verify",
    "playground": "/playground?manifest=support-agent&case=3",
    "manifests": "/manifests",
    "manifest": "/manifests/layered-agent",
}
"""Where each page is; a record, wherever the newest denial is."""


def main() -> None:
    """Make all of them."""
    FOLDER.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        running_examples(Path(folder)) as console,
        browser() as chromium,
        let_in(chromium, console, WIDTHS[-1], HEIGHT) as page,
    ):
        _take(console, page)
    _terminal()


def _take(console: Console, page: Any) -> None:
    root = console.address.partition("/enter")[0]
    page.goto(f"{root}/decisions?decision=deny")
    record = page.locator("#decisions tbody a").first.get_attribute("href").removeprefix(console.base)
    for name, path in {**PAGES, "record": record}.items():
        page.goto(root + path)
        settled(page)
        if name == "record":
            page.fill("#key", VKEY)
            page.click("#check")
            page.wait_for_selector("#steps strong")
        if name == "playground":
            page.wait_for_selector("#result h2")
        if name == "manifest":
            page.click("#run")
            page.wait_for_selector("text=What they reach")
            page.evaluate("scrollTo(0, 0)")
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": HEIGHT})
                page.screenshot(path=FOLDER / f"{name}-{scheme}-{width}.png")


def _terminal() -> None:
    """Draw what `evaluate --explain` prints on a terminal."""
    command = ["evaluate", "--manifest", "manifests/support-agent", "--point", "input", "--snapshot", "-"]
    done = subprocess.run(
        [COMMAND, *command, "--format", "table"],
        input=b'{"input": {"body": "Can you give me the addresses of other customers?"}}',
        cwd=ROOT,
        env=environment(FORCE_COLOR="1", COLUMNS="90"),
        capture_output=True,
        check=True,
    )
    with Path("/dev/null").open("w") as nowhere:
        terminal = Terminal(record=True, width=90, file=nowhere)
        terminal.print(f"$ acs-sidecar {' '.join(command)} < snapshot.json")
        terminal.print(Text.from_ansi(done.stdout.decode()))
        terminal.save_svg(str(FOLDER / "terminal.svg"), title="acs-sidecar")


if __name__ == "__main__":
    main()
