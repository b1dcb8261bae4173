"""Section 10.9: no mutant of a signed document is accepted."""

import pytest

from acs_sidecar.engines.adapters.workspace_policy import statement
from tests.engines.adapters.workspace_policy.mutations import NAMES, mutate


@pytest.mark.slow
def test_no_mutant_is_accepted() -> None:
    """A few hundred of each kind; `make workspace-mutations` makes a hundred thousand of each."""
    outcome = mutate(400, 11)
    assert outcome.accepted == []
    assert outcome.made == dict.fromkeys(NAMES, 400)
    assert {
        *("policy-hash-mismatch", "policy-unsigned", "policy-legacy", "policy-key-untrusted"),
        *("policy-signature-invalid", "member-unknown", "wrong-type", "value-not-allowed", "document-syntax"),
    } <= outcome.refused.keys()


def test_a_weak_verifier_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """A statement without the status lets mutants through: the mutations would find it."""
    monkeypatch.setattr(statement, "STATED", ("hash",))
    monkeypatch.setattr(statement, "has_signed", lambda *_: True)
    assert mutate(50, 1).accepted != []
