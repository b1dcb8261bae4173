"""Bodies of the decision routes, from bytes to requests (section 2.1)."""

from collections.abc import Callable
from functools import partial
from urllib.parse import parse_qsl

from acs_sidecar.approval.resolution import ApprovalClaim
from acs_sidecar.decision.intercept import read_intercept
from acs_sidecar.decision.refusal import Cause, RefusalError
from acs_sidecar.decision.request import (
    DuplicateMembers,
    EvaluateRequest,
    has_exact_integers,
    parse_object,
    read_batch,
    read_evaluate,
    read_resolve,
)
from acs_sidecar.spec.values import Json, nesting_bound

__all__ = ["identifiable", "parse_batch", "parse_evaluate", "parse_intercept", "parse_resolve"]

REFUSE = DuplicateMembers.REFUSE


def parse_evaluate(body: bytes, point: str | None, duplicates: DuplicateMembers = REFUSE) -> EvaluateRequest:
    """Read the body of one evaluation; `point` is the one in the path. Raises `RefusalError`."""
    request = read_evaluate(parse_object(body, duplicates), point, nesting_bound(body))
    return identifiable(request, partial(has_exact_integers, body)) if request.include else request


def parse_intercept(body: bytes, query: bytes, duplicates: DuplicateMembers = REFUSE) -> EvaluateRequest:
    """Read an agent context, and from the query which manifest decides on it. Raises `RefusalError`."""
    try:
        asked = parse_qsl(query.decode(), keep_blank_values=True, strict_parsing=bool(query), errors="strict")
    except ValueError:
        raise RefusalError(Cause.MALFORMED, "the query is not `manifest_ref=<name>`") from None
    if len(asked) > 1 or any(name != "manifest_ref" for name, _ in asked):
        raise RefusalError(Cause.MALFORMED, "the query may have `manifest_ref`, once, and nothing else")
    reference = asked[0][1] if asked else None
    context = parse_object(body, duplicates)
    if not has_exact_integers(body):
        raise RefusalError(Cause.MALFORMED, "an integer of the body is beyond 64 bits: send it as a string")
    return read_intercept(context, reference, nesting_bound(body))


def parse_batch(body: bytes, duplicates: DuplicateMembers = REFUSE) -> tuple[list[Json], int]:
    """Read a batch: its items, not yet checked, and the bound on their depth. Raises `RefusalError`."""
    return read_batch(parse_object(body, duplicates)), nesting_bound(body)


def parse_resolve(
    body: bytes, duplicates: DuplicateMembers = REFUSE
) -> tuple[EvaluateRequest, ApprovalClaim]:
    """Read the body of a resolution: an evaluation and a claim about it. Raises `RefusalError`."""
    request, claim = read_resolve(parse_object(body, duplicates), nesting_bound(body))
    return identifiable(request, partial(has_exact_integers, body)), claim


def identifiable(request: EvaluateRequest, exact_integers: Callable[[], bool]) -> EvaluateRequest:
    """Return the request, which knows whether all integers are exact where it asks for an identity."""
    if "context_identity" in request.include:
        request.exact_integers = exact_integers()
    return request
