"""What a function over request data may make of its arguments at most."""

__all__ = ["MAX_TEXT", "checked_length"]

MAX_TEXT = 4 * 1024 * 1024
"""Characters of a text that a function builds."""


def checked_length(length: int) -> None:
    """Raise `ValueError` where a text would be longer than the bound."""
    if length > MAX_TEXT:
        raise ValueError(f"the text would be longer than {MAX_TEXT} characters")
