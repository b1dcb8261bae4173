"""Client of acs-sidecar: evaluate, obey, and keep what the stateless service needs to know (section 12).

Nothing is imported before it is used, so that `acs_client.hook` starts as fast as the interpreter.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from acs_client.aio import AsyncClient, AsyncSession
    from acs_client.client import Client
    from acs_client.decision import Decision
    from acs_client.errors import AcsError, Blocked, ConfigurationError, Denied, Escalated, Unavailable
    from acs_client.govern import govern, governed
    from acs_client.session import MANIFEST, Session, current_session
    from acs_client.tracing import trace

__all__ = [
    "MANIFEST",
    "AcsError",
    "AsyncClient",
    "AsyncSession",
    "Blocked",
    "Client",
    "ConfigurationError",
    "Decision",
    "Denied",
    "Escalated",
    "Session",
    "Unavailable",
    "current_session",
    "govern",
    "governed",
    "trace",
]

_HOMES = {
    "aio": ("AsyncClient", "AsyncSession"),
    "client": ("Client",),
    "decision": ("Decision",),
    "errors": ("AcsError", "Blocked", "ConfigurationError", "Denied", "Escalated", "Unavailable"),
    "govern": ("govern", "governed"),
    "session": ("MANIFEST", "Session", "current_session"),
    "tracing": ("trace",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value
