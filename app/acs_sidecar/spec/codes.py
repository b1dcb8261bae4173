"""Code-shaped texts, which may be written anywhere; free text may be content (section 4.1)."""

import re

__all__ = ["is_code", "reason_code"]

_CODE = re.compile(r"[A-Za-z0-9_\-.:/]{1,96}")


def is_code(text: str) -> bool:
    """True if `text` is code-shaped: 1 to 96 characters of `A-Za-z0-9_-.:/`."""
    return _CODE.fullmatch(text) is not None


def reason_code(reason: str | None) -> str | None:
    """Return a code-shaped reason unchanged, and `policy_reason` for every other."""
    return reason if reason is None or is_code(reason) else "policy_reason"
