"""What policies state besides verdicts (sections 1.7, 3.1)."""

import pytest

from acs_sidecar.spec.manifest.diagnostics import Diagnostic
from acs_sidecar.spec.policy_statement import (
    UNVERSIONED,
    HostCounter,
    PolicyStatement,
    Required,
    Requirement,
    Revision,
    Window,
    rollbacks,
    united,
    unmet_requirements,
)

SERVING = Revision("policies.main", "ws", 2, "a")
LEGACY = Revision("policies.main", "ws", UNVERSIONED, "a")
REQUIRED = Required(Requirement.SIGNED_AUDIT, "policies.main")


@pytest.mark.parametrize(
    ("serving", "candidate", "message"),
    [
        (SERVING, SERVING, None),
        (SERVING, Revision("policies.main", "ws", 3, "b"), None),
        (SERVING, Revision("policies.main", "ws", 2, "a", withdrawn=True), None),
        (SERVING, Revision("policies.main", "other", 1, "b"), None),
        (
            SERVING,
            Revision("policies.main", "ws", 1, "b"),
            "`ws`: version 1 is older than version 2 that serves",
        ),
        (
            SERVING,
            Revision("policies.main", "ws", 2, "b"),
            "`ws`: version 2 has another content than the one that serves",
        ),
        (
            Revision("policies.main", "ws", 2, "a", withdrawn=True),
            SERVING,
            "`ws`: version 2 was withdrawn in the one that serves",
        ),
        (LEGACY, Revision("policies.main", "ws", UNVERSIONED, "b"), None),
        (LEGACY, Revision("policies.main", "ws", 1, "b"), None),
        (
            SERVING,
            LEGACY,
            "`ws`: a document without a signed version cannot replace version 2 that serves",
        ),
    ],
)
def test_rollbacks(serving: Revision, candidate: Revision, message: str | None) -> None:
    """A version does not fall, keeps its content, and stays withdrawn."""
    expected = [] if message is None else [Diagnostic("policy-rollback", message, "policies.main")]
    assert list(rollbacks([serving], [candidate])) == expected


def test_the_newest_of_several_that_serve_counts() -> None:
    """Two policies may enforce one document; the newer version of it is not undone."""
    older = Revision("policies.a", "ws", 1, "c")
    assert [found.path for found in rollbacks([SERVING, older], [older])] == ["policies.a"]


def test_an_older_revision_that_serves_stays_beside_the_newest() -> None:
    """Two policies of one series can be loaded again as they are; neither can become the other."""
    older = Revision("policies.a", "ws", 1, "b")
    assert list(rollbacks([SERVING, older], [older, SERVING])) == []
    newer = Revision("policies.main", "ws", 3, "c")
    assert list(rollbacks([SERVING, older], [older, newer])) == []
    moved = Revision("policies.main", "ws", 1, "b")
    assert [found.path for found in rollbacks([SERVING, older], [older, moved])] == [
        "policies.a",
        "policies.main",
    ]


def test_requirements_that_the_service_provides_are_met() -> None:
    """What is provided gives no finding."""
    assert unmet_requirements([REQUIRED], frozenset(Requirement)) == ()


def test_each_requirement_that_is_not_met_is_an_error_that_says_what_to_set() -> None:
    """The finding names the policy and the setting."""
    message = "requires the signed audit log: set ACS_AUDIT_DURABILITY to `write` or `fsync`"
    assert unmet_requirements([REQUIRED], frozenset()) == (
        Diagnostic("audit-required", message, "policies.main"),
    )


def test_statements_unite_without_repeats() -> None:
    """What two policies state alike is stated once; warnings are kept as they come."""
    warning = Diagnostic("c", "m", severity="warning")
    counter = HostCounter("agt", "team/mail", Window.HOUR)
    one = PolicyStatement((warning,), (REQUIRED,), (counter,), (SERVING,))

    assert united([one, one, PolicyStatement()]) == PolicyStatement(
        (warning, warning), (REQUIRED,), (counter,), (SERVING,)
    )
