"""What published tests do, beside the list of those that are known to do otherwise."""

import sys
from collections.abc import Collection, Iterable

__all__ = ["report"]


def report(cases: Iterable[tuple[str, str | None]], listed: Collection[str], agrees: str) -> int:
    """Print each case that does not do what is listed, and return how many there are.

    A case is its name and why it does otherwise than published, `None` if it does as published; `agrees`
    says that of one that is listed all the same.
    """
    wrong = count = 0
    for name, why in cases:
        count += 1
        if (why is None) == (name in listed):
            wrong += 1
            sys.stdout.write(f"{name}: {why or f'{agrees}, and is listed'}\n")
    sys.stdout.write(f"{count} tests, {len(listed)} listed, {wrong} otherwise than listed\n")
    return wrong
