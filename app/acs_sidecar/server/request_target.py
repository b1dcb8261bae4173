"""What the target of a request says of its host (RFC 9112)."""

import re

__all__ = ["authority_of"]


def authority_of(target: bytes) -> bytes | None:
    """Return the authority of a target in absolute form; `None` for one of another form."""
    _, scheme, rest = target.partition(b"://")
    return re.split(rb"[/?#]", rest, maxsplit=1)[0] if scheme else None
