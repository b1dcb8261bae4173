"""The closed set of intervention points (section 1.2)."""

from enum import StrEnum

__all__ = ["POINT_NAMES", "TOOL_POINTS", "InterventionPoint", "Mode"]


class InterventionPoint(StrEnum):
    """A place in the agent's loop where its host asks for a verdict."""

    AGENT_STARTUP = "agent_startup"
    INPUT = "input"
    PRE_MODEL_CALL = "pre_model_call"
    POST_MODEL_CALL = "post_model_call"
    PRE_TOOL_CALL = "pre_tool_call"
    POST_TOOL_CALL = "post_tool_call"
    OUTPUT = "output"
    AGENT_SHUTDOWN = "agent_shutdown"


POINT_NAMES = frozenset(point.value for point in InterventionPoint)
TOOL_POINTS = frozenset({InterventionPoint.PRE_TOOL_CALL, InterventionPoint.POST_TOOL_CALL})


class Mode(StrEnum):
    """True if a transform is applied (`enforce`) or only validated (`evaluate_only`)."""

    ENFORCE = "enforce"
    EVALUATE_ONLY = "evaluate_only"
