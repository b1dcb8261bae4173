"""Which policies are known to end by themselves, also when nothing else is kept of them (section 2.5)."""

from collections import OrderedDict

from acs_sidecar.sandbox.calls import SandboxProgram

__all__ = ["ProvenPrograms"]

MOST_PROVEN = 16_384
"""Contents that are remembered; each is there for an evaluation that ended, and takes about 200 bytes."""


class ProvenPrograms:
    """The contents whose last evaluation ended by itself, those used last."""

    def __init__(self) -> None:
        self._keys: OrderedDict[str, None] = OrderedDict()

    def knows(self, key: str) -> bool:
        """True if that content is proven."""
        return key in self._keys

    def prove(self, program: SandboxProgram) -> None:
        """Note an evaluation that ended by itself."""
        program.proven = True
        if program.key is None:
            return
        self._keys[program.key] = None
        self._keys.move_to_end(program.key)
        if len(self._keys) > MOST_PROVEN:
            self._keys.popitem(last=False)

    def disprove(self, program: SandboxProgram) -> None:
        """Note a program that had to be stopped, or took its process with it."""
        program.proven = False
        if program.key is not None:
            self._keys.pop(program.key, None)
