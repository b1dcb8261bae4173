"""Section 2.2: every cause of a refusal has its HTTP answer."""

import orjson
import pytest

from acs_sidecar.decision.caller import Scope
from acs_sidecar.decision.refusal import Cause, RefusalError
from acs_sidecar.transports.http.problems import (
    ANSWERS,
    HttpRefusalError,
    problem_headers,
    refusal_body,
    scope_challenge,
)


def test_every_cause_has_an_answer() -> None:
    """The table is as closed as the enum: a cause that is added and forgotten here has no answer."""
    assert set(ANSWERS) == set(Cause)


@pytest.mark.parametrize("cause", Cause)
def test_a_refusal_tells_its_status_twice(cause: Cause) -> None:
    """The status is in the body as well, with the deny where the route decides and without it elsewhere."""
    error = RefusalError(cause, "why", request_id="r1")
    decided = orjson.loads(refusal_body(error, verdict=True))
    other = orjson.loads(refusal_body(error, verdict=False))
    assert decided["status"] == other["status"] == ANSWERS[cause].status
    assert decided["verdict"]["decision"] == "deny"
    assert decided["request_id"] == "r1"
    assert other == {name: decided[name] for name in ("type", "title", "status", "detail")}


def test_a_refusal_may_bring_headers_in_the_place_of_its_causes() -> None:
    """A route that needs another scope than decisions challenges for that one."""
    headers = scope_challenge(Scope.METRICS)
    assert problem_headers(RefusalError(Cause.SCOPE, "why")) == scope_challenge(Scope.EVALUATE)
    assert problem_headers(HttpRefusalError(Cause.SCOPE, "why", headers=headers)) == headers
