"""Every policy type by its name in a manifest (section 1.7)."""

from collections.abc import Callable, Mapping
from functools import cache, partial

from acs_sidecar.engines.adapters.custom import OWN_ADAPTERS, custom_type
from acs_sidecar.engines.fixed import TEST
from acs_sidecar.engines.missing_engine import MissingEngine
from acs_sidecar.engines.rego.documents import DataBounds
from acs_sidecar.spec.ports import Adapter, CompiledPolicy, CompileRequest, PolicyType
from acs_sidecar.spec.values import JsonObject

__all__ = ["load_engines", "outlives_fork", "policy_types"]

_ENGINES = frozenset({"rego", "cedar", "test"})


def policy_types(
    adapters: Mapping[str, Adapter],
    inline_listed: frozenset[str] | None = None,
    data_bounds: DataBounds | None = None,
) -> Mapping[str, PolicyType]:
    """Return the policy types over the loaded `adapters`; an engine is loaded when a manifest first uses it.

    With `inline_listed` they are those of inline manifests, which reach the listed adapters and the built-in
    ones that are inline-safe.
    `data_bounds` hold for the data files of Rego policies.
    Raises `AdapterError` as `custom_type` does.
    """
    return {
        "rego": _LazyType(partial(_rego, data_bounds, inline=inline_listed is not None)),
        "cedar": _LazyType(_cedar),
        "test": TEST,
        "custom": custom_type(adapters, inline_listed),
    }


def load_engines(types: Mapping[str, PolicyType]) -> Mapping[str, PolicyType]:
    """Load every engine now, where nothing can be loaded later or a request would wait for it.

    Returns the types themselves.
    """
    return {name: one.load() if isinstance(one, _LazyType) else one for name, one in types.items()}


def outlives_fork(definition: JsonObject) -> bool:
    """True if a child of the process that compiled such a policy can evaluate it on its main thread.

    What the adapters of others compile may hold threads, sockets and files, which a fork does not copy.
    """
    return definition["type"] in _ENGINES or definition.get("adapter") in OWN_ADAPTERS


class _LazyType:
    """A policy type that is imported with its engine when it is first used."""

    def __init__(self, load: Callable[[], PolicyType]) -> None:
        self.load = cache(load)

    @property
    def bind_members(self) -> frozenset[str]:
        return self.load().bind_members

    def compile(self, request: CompileRequest) -> CompiledPolicy:
        return self.load().compile(request)


def _cedar() -> PolicyType:
    from acs_sidecar.engines.cedar.type import CEDAR  # noqa: PLC0415  # a manifest of another engine does without

    return CEDAR


def _rego(data_bounds: DataBounds | None, *, inline: bool) -> PolicyType:
    """Return Rego, or what stands for it on a platform for which its engine is not built."""
    try:
        from acs_sidecar.engines.rego.type import INLINE_REGO, REGO, RegoType  # noqa: PLC0415  # the one engine that may be missing
    except ModuleNotFoundError as error:
        if error.name != "regorus":
            raise
        return MissingEngine("rego", "gordon-to-regorus")
    if inline:
        return INLINE_REGO
    return RegoType(data_bounds=data_bounds) if data_bounds else REGO
