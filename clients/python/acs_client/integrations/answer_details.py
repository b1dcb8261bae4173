"""What an answer of a model has beside its content (section 12.8): log probabilities, citations, raw copies.

No point sees it, so that its texts are withheld: they may be those that a policy has replaced.
"""

from collections.abc import Mapping
from typing import Any

__all__ = ["OPAQUE", "without_texts"]

OPAQUE = frozenset({
    "data", "encrypted_content", "id", "index", "signature", "status", "thought_signature", "type",
})  # fmt: skip
"""What a provider needs to go on with an answer and with the reasoning in it, and nobody can read."""

_DESCRIBING = frozenset({
    "completion_start_time", "created", "created_at", "done_reason", "finish_reason", "model", "model_id",
    "model_name", "model_provider", "object", "output_version", "role", "service_tier", "stop_reason",
    "system_fingerprint", "timestamp",
})  # fmt: skip


def without_texts(details: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members of details that hold no text, and those that identify or describe the answer."""
    kept = OPAQUE | _DESCRIBING
    return {name: held for name, held in details.items() if name in kept or not _has_text(held)}


def _has_text(held: Any) -> bool:
    """True unless a value holds numbers, truth values and nothing else."""
    if isinstance(held, Mapping):
        return any(map(_has_text, held.values()))
    if isinstance(held, list | tuple):
        return any(map(_has_text, held))
    return not isinstance(held, int | float | None)
