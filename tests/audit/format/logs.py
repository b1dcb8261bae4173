"""Builds logs in memory, without the writer, for the auditor to judge."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from acs_sidecar.audit.format.checkpoint import Checkpoint, sign_checkpoint
from acs_sidecar.audit.format.claims import Predecessor, opening_events
from acs_sidecar.audit.format.merkle import Frontier, leaf_hash
from acs_sidecar.audit.format.note import NoteSigner, VerifierKey
from acs_sidecar.audit.format.record import AuditEntry, ServiceEvent, record_line, rfc3339, uuid7
from acs_sidecar.audit.format.trust import Trust, TrustedKey

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
TRUST = Trust((TrustedKey(KEY.public_key().public_bytes_raw()),))
LOG = "acs/host/0/aaaa"
START = 1_767_323_045_000_000


@dataclass(frozen=True)
class MemoryLog:
    """A log as files: each segment and file of checkpoints with the index in its name."""

    origin: str
    records: Sequence[tuple[int, bytes]]
    checkpoints: Sequence[tuple[int, bytes]]
    checkpoint: bytes | None
    leaves: bytes | None = None
    chunk: int = 1000
    lengths_read: list[int] = field(default_factory=list, compare=False)

    def published(self) -> bytes | None:
        """Give the content of `checkpoint`."""
        return self.checkpoint

    def checkpoint_files(self) -> Iterator[tuple[str, bytes]]:
        """Give the files of checkpoints."""
        for first, content in self.checkpoints:
            yield f"checkpoints-{first}", content

    def segments(self) -> Iterator[tuple[int, Iterator[bytes]]]:
        """Give the segments, in chunks that end anywhere."""
        self.lengths_read.clear()
        for first, content in self.records:
            yield first, self.chunks(content)

    def chunks(self, content: bytes) -> Iterator[bytes]:
        """Yield chunks of a segment, and count what was read."""
        for at in range(0, len(content), self.chunk):
            self.lengths_read.append(len(content[at : at + self.chunk]))
            yield content[at : at + self.chunk]

    def unread(self) -> int:
        """Return how much of the segments was not read."""
        return sum(len(content) for _, content in self.records) - sum(self.lengths_read)

    def leaf_hashes(self, start: int, end: int) -> bytes | None:
        """Give what the tiles say."""
        return self.leaves[start * 32 : end * 32] if self.leaves is not None else None

    def lines(self) -> list[bytes]:
        """Give the records of all segments."""
        return b"".join(content for _, content in self.records).split(b"\n")[:-1]

    def notes(self) -> list[bytes]:
        """Give the checkpoints of all files."""
        lines = b"".join(content for _, content in self.checkpoints).splitlines(keepends=True)
        starts = [at - 3 for at, line in enumerate(lines) if line == b"\n"]
        ends = [*starts[1:], len(lines)]
        return [b"".join(lines[start:end]) for start, end in zip(starts, ends, strict=True)]

    def with_lines(self, lines: Sequence[bytes]) -> "MemoryLog":
        """Give the log with other records, in one segment."""
        return replace(self, records=[(0, b"".join(line + b"\n" for line in lines))])

    def with_notes(self, notes: Sequence[bytes], checkpoint: bytes | None) -> "MemoryLog":
        """Give the log with other checkpoints, in one file."""
        return replace(self, checkpoints=[(0, b"".join(notes))], checkpoint=checkpoint)


@dataclass
class Builder:
    """Builds one log, commit by commit."""

    origin: str = LOG
    key: Ed25519PrivateKey = KEY
    time: int = START
    segments: list[tuple[int, bytes]] = field(default_factory=list)
    files: list[tuple[int, bytes]] = field(default_factory=list)
    leaves: list[bytes] = field(default_factory=list)
    frontier: Frontier = field(default_factory=Frontier)
    newest: bytes = b""

    def open(self, predecessors: Sequence[Predecessor] = ()) -> "Builder":
        """Commit the records that open a log."""
        vkey = VerifierKey(self.origin, self.key.public_key().public_bytes_raw())
        return self.commit(*opening_events(str(vkey), {}, predecessors))

    def decide(self, count: int = 1) -> "Builder":
        """Commit decisions."""
        return self.commit(*(AuditEntry("deny", "input", agent_id=f"agent-{n}") for n in range(count)))

    def close(self) -> "Builder":
        """Commit the record that closes a log."""
        return self.commit(ServiceEvent("log_closed", {"reason": "stopped"}))

    def rotate(self) -> "Builder":
        """Begin another segment."""
        self.segments.append((self.frontier.size, b""))
        self.files.append((self.frontier.size, b""))
        return self

    def commit(
        self, *entries: AuditEntry | ServiceEvent, cosigner: Ed25519PrivateKey | None = None
    ) -> "Builder":
        """Write entries and the checkpoint that covers them."""
        if not self.segments:
            self.rotate()
        for entry in entries:
            self.time += 1000
            record_id = uuid7(self.time // 1000, self.frontier.size.to_bytes(10))
            line = record_line(entry, self.origin, self.frontier.size, record_id, rfc3339(self.time))
            self.add_line(line)
        signers = [NoteSigner(self.origin, key) for key in (self.key, cosigner) if key]
        self.newest = sign_checkpoint(
            Checkpoint(self.origin, self.frontier.size, self.frontier.root()), *signers
        )
        first, content = self.files[-1]
        self.files[-1] = (first, content + self.newest)
        return self

    def add_line(self, line: bytes) -> None:
        """Add a line as a record, whatever it is."""
        first, content = self.segments[-1]
        self.segments[-1] = (first, content + line + b"\n")
        self.leaves.append(leaf_hash(line))
        self.frontier.append(self.leaves[-1])

    def build(self) -> MemoryLog:
        """Give the log as it is."""
        return MemoryLog(
            self.origin, tuple(self.segments), tuple(self.files), self.newest, b"".join(self.leaves)
        )
