"""How many files a process may have open, and how many connections that leaves room for."""

import resource

__all__ = ["connections_within", "open_files_limit", "raise_open_files_limit"]

_RESERVE = 256


def raise_open_files_limit() -> int:
    """Raise this process's limit as far as it may, for its children too; return the limit in force."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return open_files_limit()


def open_files_limit() -> int:
    """Return the limit in force."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def connections_within(limit: int) -> int:
    """Return how many connections callers may have open at once.

    The rest of the files is for the audit log, the sandbox, annotators and fetches: half of them
    under a low limit, 256 under others.
    """
    return max(limit // 2, limit - _RESERVE)
