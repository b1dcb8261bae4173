"""Which policies are known to end by themselves, also when nothing else is kept of them (section 2.5)."""

from acs_sidecar.sandbox.calls import SandboxProgram
from acs_sidecar.sandbox.shares import OwnedValue, Shares

__all__ = ["MOST_PROVEN", "ProvenPrograms"]

MOST_PROVEN = 16_384
"""Contents that are remembered; each is there for an evaluation that ended, and takes about 400 bytes."""


class ProvenPrograms:
    """The contents whose last evaluation ended by itself, those used last; who proves most loses first."""

    def __init__(self) -> None:
        self._keys: Shares[None] = Shares()

    def knows(self, key: str) -> bool:
        """True if that content is proven."""
        return key.encode() in self._keys

    def prove(self, program: SandboxProgram) -> None:
        """Note an evaluation that ended by itself."""
        program.proven = True
        if program.key is None:
            return
        key = program.key.encode()
        if key in self._keys:
            self._keys.use(key, program.owner)
            return
        self._keys.add(key, OwnedValue(None, program.owner, 1))
        if len(self._keys) > MOST_PROVEN:
            self._keys.remove_one()

    def disprove(self, program: SandboxProgram) -> None:
        """Note a program that had to be stopped, or took its process with it."""
        program.proven = False
        if program.key is not None and (key := program.key.encode()) in self._keys:
            self._keys.remove(key)
