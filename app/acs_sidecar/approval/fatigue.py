"""Too many approvals are none: the limit counts what the host supplies, for the service keeps no count.

The host sends `envelope.approvals`, `{"count": 3, "window_seconds": 3600}`: how many approvals of this
agent were asked for in the window that ends now, this one not counted.
"""

from acs_sidecar.spec.approval import ApprovalPlan
from acs_sidecar.spec.values import Json

__all__ = ["fatigue"]


def fatigue(plan: ApprovalPlan, envelope: Json) -> str | None:
    """Return why no approval is requested, or `None` if one may be.

    Where the manifest sets a threshold, counters that are missing or malformed, or a window shorter
    than the manifest's, are a reason too.
    """
    if plan.fatigue_threshold is None:
        return None
    counters = envelope.get("approvals") if isinstance(envelope, dict) else None
    if not isinstance(counters, dict):
        return "`fatigue_threshold` is set but the snapshot has no `envelope.approvals`"
    count, window = counters.get("count"), counters.get("window_seconds")
    if not _is_count(count) or not (window is None or _is_count(window)):
        return "`envelope.approvals` must have `count` and may have `window_seconds`, non-negative integers"
    if plan.fatigue_window_seconds is not None and (
        not isinstance(window, int) or window < plan.fatigue_window_seconds
    ):
        return "`envelope.approvals.window_seconds` is missing or below `fatigue_window_seconds`"
    if isinstance(count, int) and count >= plan.fatigue_threshold:
        return f"`fatigue_threshold` ({plan.fatigue_threshold}) is reached: no further approval is requested"
    return None


def _is_count(value: Json) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
