"""Every policy type by its name in a manifest (contract 1.7)."""

from collections.abc import Mapping

from app.core.ports import PolicyType
from app.evaluators.cedar import CEDAR
from app.evaluators.custom import Adapter, custom_type
from app.evaluators.rego import REGO
from app.evaluators.test_double import TEST

__all__ = ["policy_types"]


def policy_types(
    adapters: Mapping[str, Adapter], inline_allowed: frozenset[str] | None = None
) -> Mapping[str, PolicyType]:
    """Give the policy types over the loaded `adapters`.

    With `inline_allowed` they are those of inline manifests, which reach the listed adapters alone.
    Raises `AdapterError` as `custom_type` does.
    """
    return {"rego": REGO, "cedar": CEDAR, "test": TEST, "custom": custom_type(adapters, inline_allowed)}
