"""The page of decisions: what its filters find (section 15.2)."""

from pathlib import Path

from acs_sidecar.audit.format.record import AuditEntry
from acs_sidecar.audit.log.writer import FileAuditLog
from tests.audit.log.logs import settings, with_log
from tests.console.in_process import pages_of


def test_a_duration_is_found_by_what_the_page_shows_of_it(tmp_path: Path) -> None:
    """2.007 ms are 2,007 us, and not a little more."""

    async def work(log: FileAuditLog) -> None:
        for duration in (2006, 2007):
            await log.append(AuditEntry("allow", "input", duration_us=duration))

    with_log(work, settings(tmp_path / "audit"))
    pages = pages_of(tmp_path / "audit", tmp_path / "manifests")
    assert pages.page("/decisions?took=2.007").count("</tr>") == 1 + 1
    assert pages.page("/decisions?took=2.006").count("</tr>") == 1 + 2
