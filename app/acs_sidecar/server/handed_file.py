"""Files in memory that processes hand to one another over a channel, whole and unchangeable."""

import fcntl
import os

__all__ = ["hand", "take"]

_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


def hand(content: bytes) -> int:
    """Put content into a file without a name; return its descriptor. Nobody can change it any more."""
    file = os.memfd_create("acs-manifests", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    with memoryview(content) as rest:
        written = 0
        while written < len(rest):
            written += os.write(file, rest[written:])
    fcntl.fcntl(file, fcntl.F_ADD_SEALS, _SEALS)
    return file


def take(file: int) -> bytes:
    """Read the whole content; every holder of the descriptor may do so at any time."""
    content = bytearray()
    while chunk := os.pread(file, 1 << 20, len(content)):
        content += chunk
    return bytes(content)
