"""What keeps the service from starting, whichever part it comes from, and what makes the start short."""

import ctypes
import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

__all__ = [
    "StartError",
    "lasting_imports",
    "return_memory",
    "settle_memory",
    "without_collection",
    "without_modules",
]

# They hold names of attributes that were looked up. Since Python 3.13 the function has the first name.
_CLEAR_CACHES: Callable[[], None] = getattr(sys, "_clear_internal_caches", None) or sys._clear_type_cache


class StartError(Exception):
    """A failure that prevents the start: each line says what is wrong, where, and what to do.

    `exit_code` is that of the command; `advice` is what to do where the message itself does not say it.
    """

    exit_code = 2
    advice: str | None = None

    @property
    def lines(self) -> tuple[str, ...]:
        """What there is to say, one fault a line; a line end within one of them is text that it quotes."""
        return (str(self),)


@contextmanager
def without_collection() -> Iterator[None]:
    """Pause the search for cycles while things are made that stay: it walks all of them again and again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@contextmanager
def lasting_imports() -> Iterator[None]:
    """Pause the search for cycles while modules are imported, and exempt them from it: they stay.

    The search would begin with all of them as soon as it goes on.
    """
    with without_collection():
        yield
        gc.freeze()


@contextmanager
def without_modules(*names: str) -> Iterator[None]:
    """Import other modules as if these were not installed; those must be able to do without."""
    hidden = {name: sys.modules.pop(name, None) for name in names}
    sys.modules.update(dict.fromkeys(names))  # type: ignore[arg-type]  # `None` stops an import
    try:
        yield
    finally:
        for name, module in hidden.items():
            del sys.modules[name]
            if module is not None:
                sys.modules[name] = module


def settle_memory() -> None:
    """Free what the start left behind, and exempt the rest, which stays, from later collections."""
    return_memory()
    gc.freeze()


def return_memory() -> None:
    """Return to the system what nothing uses: cycles, objects and names kept for reuse, free pages.

    One object that Python keeps holds a MiB of its allocator. The C library keeps what was freed; where it is
    glibc it can be told to return it.
    """
    gc.collect()
    _CLEAR_CACHES()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
