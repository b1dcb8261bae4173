"""A console that shows the example manifests and some decisions, and a person's browser that it let in."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from acs_sidecar.audit.format.record import AuditEntry
from acs_sidecar.audit.log.writer import FileAuditLog
from tests.audit.log.logs import settings, with_log
from tests.conftest import ROOT
from tests.console.running import Console, running

__all__ = ["decided", "let_in", "running_examples"]

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
COUNT = 210


@contextmanager
def running_examples(folder: Path) -> Iterator[Console]:
    """Start a console on the example manifests and a log of some hundred decisions; nobody has entered it."""
    with running(folder) as console:
        for path in sorted(console.audit.rglob("*"), reverse=True):
            path.unlink() if path.is_file() else path.rmdir()
        shutil.rmtree(console.manifests / "agent")
        for name in MANIFESTS:
            shutil.copytree(ROOT / "manifests" / name, console.manifests / name)
        console.enter()
        digest = re.search(r'title="(sha256:\w+)"', console.page("/manifests/support-agent"))
        assert digest
        with_log(partial(_work, digest[1]), settings(console.audit))
        yield console


async def _work(digest: str, log: FileAuditLog) -> None:
    for number in range(COUNT):
        await log.append(decided(number, digest))


def decided(number: int, digest: str) -> AuditEntry:
    """Return one of the decisions that an agent's work leads to, by its number; 30 to a session."""
    decision, point, tool, reason = DECIDED[(number + number // 4) % len(DECIDED)]
    return AuditEntry(
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


@contextmanager
def let_in(chromium: Any, console: Console, width: int, height: int) -> Iterator[Any]:
    """Open a page of a browser that has the cookie of a console."""
    context = chromium.new_context(viewport={"width": width, "height": height}, timezone_id="UTC")
    name, _, value = console.cookie.partition("=")
    netloc = urlsplit(console.address).netloc
    context.add_cookies(
        [{"name": name, "value": value, "url": f"http://{netloc}{console.base}/", "sameSite": "Strict"}]
    )
    try:
        yield context.new_page()
    finally:
        context.close()
