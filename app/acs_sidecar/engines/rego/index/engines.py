"""The engine for a request: one that holds the rules that it can meet, or one that holds all."""

import threading
from collections import OrderedDict

from acs_sidecar.engines.rego.documents import Segments
from acs_sidecar.engines.rego.engine import Engine, PolicyEngines, ThreadEngine, complete
from acs_sidecar.engines.rego.index.demand_index import DemandIndex, PolicyPart
from acs_sidecar.spec.values import JsonObject

__all__ = ["EnginePool", "IndexedEngines"]

_MIN_ENGINES = 8
"""How many engines of the largest size a pool holds."""
_ENGINE_CHARACTERS = 200
"""What an engine counts for besides its text: it takes some 70 bytes for a character."""


class EnginePool(threading.local):
    """Engines of parts of policies: so much text in each thread, and the engine longest unused goes first."""

    def __init__(self, max_characters: int) -> None:
        self._room = max_characters
        self._max_size = max_characters // _MIN_ENGINES
        self._engines: OrderedDict[object, tuple[Engine, int]] = OrderedDict()

    def get(self, key: object) -> Engine | None:
        """Return an engine, which is then the one used last."""
        found = self._engines.get(key)
        if found is None:
            return None
        self._engines.move_to_end(key)
        return found[0]

    def takes(self, characters: int) -> bool:
        """True if the engine of a text would leave room for others."""
        return characters + _ENGINE_CHARACTERS <= self._max_size

    def put(self, key: object, engine: Engine, characters: int) -> None:
        """Add an engine made of a text of so many characters."""
        size = characters + _ENGINE_CHARACTERS
        self._engines[key] = (engine, size)
        self._room -= size
        while self._room < 0:
            _, (_, freed) = self._engines.popitem(last=False)
            self._room += freed


class IndexedEngines(ThreadEngine):
    """For each thread the engine with all rules, and those of parts, made when an input first needs them."""

    def __init__(self, engines: PolicyEngines, query: Segments, index: DemandIndex, pool: EnginePool) -> None:
        super().__init__(engines, query)
        self._engines = engines
        self._query = query
        self.index = index
        self._pool = pool

    def engine_for(self, given: JsonObject) -> Engine:
        """Return the engine to clone for an input."""
        part = self.index.part_for(given)
        if part is None:
            return self.prepared
        return self._pool.get((self._query, part)) or self._made(part)

    def _made(self, part: PolicyPart) -> Engine:
        modules = self.index.modules_of(part)
        characters = sum(len(module.text) for module in modules)
        if not self._pool.takes(characters):
            return self.prepared
        engine = complete(self._engines.foundation.clone(), modules, self._query)
        self._pool.put((self._query, part), engine, characters)
        return engine
