"""One Rego module of a policy."""

from dataclasses import dataclass

from acs_sidecar.engines.findings import SourceLocation
from acs_sidecar.engines.rego.bundle import EVERYTHING, Roots

__all__ = ["Module"]


@dataclass(frozen=True, slots=True)
class Module:
    """A Rego text: `at` names the member and the file or module; `roots` bound what it may define."""

    at: SourceLocation
    text: str
    version: int
    roots: Roots = EVERYTHING

    @property
    def name(self) -> str:
        """The file or module name; no two modules of a policy share it."""
        return str(self.at.source)
