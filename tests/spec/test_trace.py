"""What a trace shows (section 2.1)."""

from acs_sidecar.spec.trace import Trace


def test_a_policy_adds_members_and_replaces_none() -> None:
    """An adapter that calls a member of its own `steps` or `annotators` does not hide what happened."""
    trace = Trace(iter(range(0, 10_000, 1_000)).__next__, detailed=True)
    trace.dispatch = {"query": "data.p.v", "steps": "mine", "annotators": 1}
    trace.done("policy_target")
    trace.annotated("pii", 1_000, "ok")
    assert trace.as_json() == {
        "query": "data.p.v",
        "steps": [{"step": "policy_target", "duration_us": 1.0}],
        "annotators": {"pii": 1.0},
    }
