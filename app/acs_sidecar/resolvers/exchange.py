"""What goes out to a resolver that is a program, and what comes back: the same for every way of asking."""

from urllib.parse import urlsplit

import orjson

from acs_sidecar.spec.approval import Question, ResolverAnswer, ResolverError
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.values import Json

__all__ = ["MAX_ANSWER_BYTES", "answer_of", "is_private", "request_body"]

MAX_ANSWER_BYTES = 64 * 1024


def request_body(question: Question, *, shows_input: bool) -> bytes:
    """Write the question: the challenge, what it says, and the policy input where the manifest says so."""
    body: dict[str, Json] = {"challenge": question.challenge, "terms": dict(question.terms)}
    if shows_input:
        body["policy_input"] = dict(question.policy_input.value)
    return canonical(body)


def answer_of(content: bytes) -> ResolverAnswer:
    """Read an answer: `{"approval": …}`, or `{"outcome": …, "enforced_identity": …}`.

    Raises `ResolverError`.
    """
    try:
        value: Json = orjson.loads(content)
    except orjson.JSONDecodeError:
        raise ResolverError("the resolver returned a body that is not JSON") from None
    if not isinstance(value, dict):
        raise ResolverError("the resolver returned JSON that is not an object")
    approval = value.get("approval")
    if approval is not None:
        if not isinstance(approval, str):
            raise ResolverError("the resolver returned an `approval` that is not a string")
        return ResolverAnswer(approval=approval)
    return ResolverAnswer(
        outcome=value.get("outcome"),
        enforced_identity=value.get("enforced_identity"),
        approver=value.get("approver"),
    )


def is_private(url: str) -> bool:
    """True if a response cannot be changed in transit: it is encrypted or stays on this machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or parts.hostname in {"127.0.0.1", "::1"}
