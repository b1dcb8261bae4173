"""Agent contexts as requests, and the verdicts that Agent Hooks hosts are answered with (section 6.7)."""

from acs_sidecar.decision.answer import Recorded, offer_json
from acs_sidecar.decision.refusal import Cause, RefusalError
from acs_sidecar.decision.request import EvaluateRequest
from acs_sidecar.spec.dialects.agent_context import ContextError, check_context
from acs_sidecar.spec.dialects.dialect import Vocabulary
from acs_sidecar.spec.dialects.vocabulary import verdict_json
from acs_sidecar.spec.reasons import Reason
from acs_sidecar.spec.values import Json

__all__ = ["INTERCEPT_REFUSAL", "intercept_json", "read_intercept"]

INTERCEPT_REFUSAL: dict[str, Json] = {"decision": "deny", "reason": Reason.REQUEST_INVALID.value}
"""The verdict of a request that is not evaluated, whatever the cause."""

_OFFER = "acs"


def read_intercept(context: dict[str, Json], manifest_ref: str | None, nesting: int) -> EvaluateRequest:
    """Read an agent context as a request for its verdict. Raises `RefusalError`."""
    try:
        point = check_context(context)
    except ContextError as error:
        raise RefusalError(Cause.MALFORMED, f"not an agent context: {error}") from None
    return EvaluateRequest(
        point=point.value,
        snapshot=context,
        nesting=nesting,
        manifest_ref=manifest_ref,
        vocabulary=Vocabulary.AGENT_HOOKS,
        host_applies=True,
    )


def intercept_json(recorded: Recorded) -> dict[str, Json]:
    """Return the bare verdict; how a deny can be lifted is in its `approval`, as the member `acs`."""
    decision = recorded.decision
    members = verdict_json(decision.verdict, Vocabulary.AGENT_HOOKS, decision.transformed_target)
    approval = members.get("approval")
    if isinstance(approval, dict):
        approval.pop(_OFFER, None)
        if recorded.offer is not None:
            approval[_OFFER] = offer_json(recorded.offer)
    return members
