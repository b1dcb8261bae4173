"""Text that is safe to show: no character in it moves a cursor, draws a line or turns text round."""

import re

__all__ = ["is_utf8", "printable", "printable_json"]

_OTHER = re.compile(r"[^\x20-\x7e]")
"""What needs a closer look."""


def is_utf8(text: str) -> bool:
    """True if a text can be written in UTF-8: unlike the names of some files."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def printable(text: str) -> str:
    """Write out line ends, control characters, bidirectional marks and whatever else does not print."""
    return _OTHER.sub(_escaped, text)


def printable_json(text: str) -> str:
    """Write the same JSON so that it is safe to show; line ends between its values stay."""
    return _OTHER.sub(lambda found: "\n" if found[0] == "\n" else _json_escaped(found), text)


def _escaped(found: re.Match[str]) -> str:
    return found[0] if found[0].isprintable() else found[0].encode("unicode_escape").decode()


def _json_escaped(found: re.Match[str]) -> str:
    if found[0].isprintable():
        return found[0]
    units = found[0].encode("utf_16_be", "surrogatepass").hex()
    return "".join(f"\\u{units[start : start + 4]}" for start in range(0, len(units), 4))
