"""`python -m tests.console.pictures`: makes the pictures of the documentation, in Chromium and of a terminal."""

import re
import shutil
import subprocess
import tempfile
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rich.console import Console as Terminal
from rich.text import Text

from acs_sidecar.audit.format.record import AuditEntry
from acs_sidecar.audit.log.writer import FileAuditLog
from tests.audit.log.logs import settings, with_log
from tests.conftest import COMMAND, ROOT, environment
from tests.console.browser import browser, settled
from tests.console.logs import VKEY
from tests.console.running import Console, running

FOLDER = ROOT / "docs" / "pictures"
SCHEMES = ("light", "dark")
WIDTHS = (360, 1024)
HEIGHT = 760
MANIFESTS = ("support-agent", "payments-agent", "layered-agent")
DECIDED = (
    ("allow", "input", None, None),
    ("allow", "pre_tool_call", "search_help", None),
    ("transform", "post_tool_call", "lookup_order", "address_removed"),
    ("warn", "input", None, "customer_is_upset"),
    ("allow", "output", None, None),
    ("deny", "pre_tool_call", "refund", "amount_over_limit"),
    ("escalate", "pre_tool_call", "refund", "approval_required"),
)


def main() -> None:
    """Make all of them."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as console:
        for path in sorted(console.audit.rglob("*"), reverse=True):
            path.unlink() if path.is_file() else path.rmdir()
        shutil.rmtree(console.manifests / "agent")
        for name in MANIFESTS:
            shutil.copytree(ROOT / "manifests" / name, console.manifests / name)
        console.enter()
        digest = re.search(r'title="(sha256:\w+)"', console.page("/manifests/support-agent"))
        assert digest
        with_log(partial(_work, digest[1]), settings(console.audit))
        with browser() as chromium:
            _take(console, chromium)
    _terminal()


async def _work(digest: str, log: FileAuditLog) -> None:
    for number in range(210):
        decision, point, tool, reason = DECIDED[(number + number // 4) % len(DECIDED)]
        await log.append(
            AuditEntry(
                decision,
                point,
                mode="enforce",
                reason=reason,
                tool=tool,
                agent_id=f"support-{number % 3}",
                session_id=f"session-{number // 30}",
                policy_id="support",
                policy_type="rego",
                manifest_digest=digest,
                duration_us=180 + number * 37 % 400,
            )
        )


def _take(console: Console, chromium: Any) -> None:
    context = chromium.new_context(viewport={"width": WIDTHS[-1], "height": HEIGHT}, timezone_id="UTC")
    name, _, value = console.cookie.partition("=")
    parts = urlsplit(console.address)
    context.add_cookies(
        [{"name": name, "value": value, "url": f"http://{parts.netloc}{console.base}/", "sameSite": "Strict"}]
    )
    page = context.new_page()
    root = console.address.partition("/enter")[0]
    page.goto(f"{root}/decisions?decision=deny")
    record = page.locator("#decisions tbody a").first.get_attribute("href").removeprefix(console.base)
    pages = {
        "overview": "/",
        "decisions": "/decisions",
        "record": record,
        "approvals": "/approvals",
        "verify": "/verify",
        "playground": "/playground?manifest=support-agent&case=3",
        "manifests": "/manifests",
        "manifest": "/manifests/layered-agent",
    }
    for name, path in pages.items():
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
    context.close()


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
