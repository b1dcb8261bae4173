"""What the tests of the auditor share: a log of some commits, and what an audit of it finds."""

from hypothesis import strategies as st

from acs_sidecar.audit.format.chain import anchors_in, audit_logs
from acs_sidecar.audit.format.checkpoint import Checkpoint
from acs_sidecar.audit.format.claims import LogState, Predecessor
from acs_sidecar.audit.format.findings import Property, Report
from acs_sidecar.audit.format.note import SignedNote
from acs_sidecar.audit.format.trust import Trust
from acs_sidecar.audit.format.verify import audit_log
from tests.audit.format.logs import KEY, OTHER_KEY, TRUST, Builder, MemoryLog

__all__ = ["OTHER_PUBLIC", "PUBLIC", "a_log", "audit", "checkpoint_of", "detail", "findings", "logs", "named"]

PUBLIC = KEY.public_key().public_bytes_raw()
OTHER_PUBLIC = OTHER_KEY.public_key().public_bytes_raw()


def a_log(commits: int = 6) -> Builder:
    """Build a log of some commits of two decisions each: index 0 opens it, 1 and 2 are the first commit."""
    builder = Builder().open()
    for _ in range(commits):
        builder.decide(2)
    return builder


def findings(log: MemoryLog, trust: Trust = TRUST) -> list[tuple[Property, int | None]]:
    """Audit one log and give which property failed where."""
    return [(one.property, one.index) for one in audit_log(log, trust).report.findings]


def detail(log: MemoryLog, trust: Trust = TRUST) -> str:
    """Audit one log and give what the only finding says."""
    (finding,) = audit_log(log, trust).report.findings
    return finding.detail


def audit(*logs: MemoryLog, anchors: list[bytes] | None = None, whole: bool = True) -> Report:
    """Audit a set of logs against anchors."""
    found, wrong = anchors_in(b"".join(anchors), "anchors", TRUST) if anchors else ([], [])
    assert wrong == []
    return audit_logs(logs, TRUST, found, whole)


def checkpoint_of(log: MemoryLog, position: int) -> Checkpoint:
    """Read the checkpoint at a position."""
    return Checkpoint.parse(SignedNote.parse(log.notes()[position]).text)


def named(log: MemoryLog, state: LogState, builder: Builder) -> Predecessor:
    """Name a log as it was found."""
    return Predecessor(log.origin, state, builder.frontier.size, builder.frontier.root())


@st.composite
def logs(draw: st.DrawFn) -> MemoryLog:
    """Draw a log of some segments and commits."""
    builder = Builder().open()
    for group in draw(st.lists(st.integers(1, 4), min_size=1, max_size=8)):
        if draw(st.booleans()):
            builder.rotate()
        builder.decide(group)
    return builder.build()
