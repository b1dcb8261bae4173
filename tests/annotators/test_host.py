"""Section 1.6: `provider: host`, annotations that the host brings."""

from typing import Any

import pytest

from acs_sidecar.annotators.host import or_host
from acs_sidecar.spec.limits import Limits
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.manifest.model import document_of, read_manifest
from tests.manifests.one_decision import decided
from tests.members import MEMBERS

_POLICY = """
package agent
import rego.v1
default verdict := {"decision": "deny", "reason": "unseen"}
verdict := {"decision": "allow", "reason": input.annotations.score.label} if input.annotations.score.label
"""


def _manifest(source: str = "$snap.envelope.score", **annotator: Any) -> dict[str, Any]:
    return {
        "agent_control_specification_version": "0.3.1-beta",
        "policies": {"main": {"type": "rego", "modules": {"a": _POLICY}, "query": "data.agent.verdict"}},
        "annotators": {"score": {"type": "classifier", "provider": "host", **annotator}},
        "intervention_points": {
            "input": {
                "policy_target": "$snap.input",
                "policy": {"id": "main"},
                "annotations": {"score": {"from": source}},
            }
        },
    }


@pytest.mark.parametrize("kind", ["classifier", "llm", "endpoint"])
@pytest.mark.parametrize(
    "source", ["$snap.envelope.score", "$snap.annotations.score", '$.annotations["score"]']
)
def test_the_annotation_is_what_the_host_brings(kind: str, source: str) -> None:
    """For every type, below either member."""
    snapshot = {
        "input": "x",
        "envelope": {"score": {"label": "host"}},
        "annotations": {"score": {"label": "host"}},
    }
    assert decided(_manifest(source, type=kind), "input", snapshot) == ("allow", "host")


def test_a_missing_annotation_denies() -> None:
    """What the host does not bring is no annotation."""
    assert decided(_manifest(), "input", {"input": "x"}) == ("deny", "runtime_error:path_missing")


@pytest.mark.parametrize(
    "source",
    [
        *(
            "$policy_target",
            "$snap.input",
            "$snap",
            "$snap.annotations",
            "$snap.envelope",
            "$pi.snapshot.envelope.score",
        ),
        *("$snap.input.annotations.score", "$tool.score", '$snap["input"].envelope'),
    ],
)
def test_a_target_does_not_annotate_itself(source: str) -> None:
    """Any other place is refused, a whole member too."""
    with pytest.raises(ManifestError) as caught:
        read_manifest(document_of(_manifest(source)), Limits(), MEMBERS)
    (found,) = caught.value.diagnostics
    assert found.code == "path-forbidden"
    assert found.message == "what the host brings lies below `$snap.annotations` or `$snap.envelope`"
    assert found.path == "intervention_points.input.annotations.score.from"


def test_other_members_mean_nothing_and_are_refused() -> None:
    """A threshold of something that the host decides would only seem to hold."""
    with pytest.raises(ManifestError) as caught:
        decided(_manifest(threshold=0.5), "input", {})
    assert str(caught.value.diagnostics[0]).endswith(
        "threshold: unknown member; must be one of `provider`, `type`"
    )


def test_another_provider_is_left_to_its_type() -> None:
    """Nothing but `host` is answered here."""
    seen: list[str] = []

    def other(name: str, *_rest: Any) -> Any:
        seen.append(name)

    or_host(other)("a", "p", {"type": "llm", "provider": "Host"}, None)  # type: ignore[arg-type]  # not reached
    assert seen == ["a"]
