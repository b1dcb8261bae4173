"""What adapters say in evidence and 0.4 has no member for, as a policy of 0.4 says it (section 6.4)."""

from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.dialects.evidence import ARTEFACT, POINTERS
from acs_sidecar.spec.values import Json
from acs_sidecar.spec.verdict import APPROVERS, Decision

__all__ = ["newer_output", "same_output"]


def same_output(output: dict[str, Json]) -> dict[str, Json]:
    """Return the output of an adapter as it is: evidence of 0.3 has members of any name."""
    return output


def newer_output(output: dict[str, Json]) -> dict[str, Json]:
    """Return the output of an adapter without evidence that 0.4 refuses.

    Approvers of an escalation are named in its `approval`; every other member of the evidence becomes a
    verification pointer of its name: a text as it is, anything else as JSON.
    """
    evidence = output.get("evidence")
    if not isinstance(evidence, dict):
        return output
    own = {name: value for name, value in evidence.items() if name not in {ARTEFACT, POINTERS}}
    if not own:
        return output
    newer = {**output}
    if APPROVERS in own and output.get("decision") == Decision.ESCALATE:
        approval = output.get("approval")
        newer["approval"] = {
            **(approval if isinstance(approval, dict) else {}),
            APPROVERS: own.pop(APPROVERS),
        }
    standing = told if isinstance(told := evidence.get(POINTERS), dict) else {}
    pointers = {
        name: value if isinstance(value, str) else canonical(value).decode() for name, value in own.items()
    }
    newer["evidence"] = {
        **({ARTEFACT: evidence[ARTEFACT]} if ARTEFACT in evidence else {}),
        **({POINTERS: {**pointers, **standing}} if pointers or standing else {}),
    }
    return newer
