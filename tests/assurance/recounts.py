"""`python -m tests.assurance.recounts`: the rates of `redteam run` on the examples, counted again (section 8.4).

A service with the example is asked about each attempt over HTTP; what it lets pass must be what the command prints.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from acs_sidecar.assurance.redteam.attempts import planned
from acs_sidecar.assurance.redteam.builtin import built_in_corpus
from acs_sidecar.assurance.redteam.corpus import Expectation
from acs_sidecar.assurance.redteam.placement import placements
from acs_sidecar.assurance.redteam.points import PointUnderTest
from acs_sidecar.cli.manifests import known_manifests
from acs_sidecar.detectors.texts import texts_of
from acs_sidecar.manifests.case_files import cases_beside
from acs_sidecar.manifests.files import find_manifests
from acs_sidecar.settings.tree import load_settings
from tests.conftest import COMMAND, ROOT, Service, environment, start_service

__all__ = ["printed", "recounted"]

EXAMPLES = ROOT / "manifests"


def printed(folder: Path) -> tuple[int, int, int, int]:
    """Return the attacks that pass and are stopped, and harmless texts allowed and refused, as the command prints them."""
    arguments = ("redteam", "run", folder, "--mutations", "none", "--format", "json")
    done = subprocess.run(
        [COMMAND, *arguments], env=environment(), capture_output=True, text=True, check=False
    )
    found = json.loads(done.stdout)
    asr, utility = found["asr"], found["utility"]
    return asr["passed"], asr["stopped"], utility["allowed"], utility["refused"]


def recounted(folder: Path, service: Service) -> tuple[int, int, int, int]:
    """Return the same as a service with the manifest decides; an attempt passes where any of its snapshots does."""
    (known,) = known_manifests(load_settings({}).settings, [folder]).values()
    points = known.compiled.points
    attempts = list(planned([*_carried(folder, service)], built_in_corpus().entries, 0))
    bodies = [
        (number, {"intervention_point": attempt.point.value, "snapshot": snapshot})
        for number, attempt in enumerate(attempts)
        if attempt.carrier
        for snapshot in placements(
            attempt.carrier.snapshot, points[attempt.point].config.target, attempt.payload
        )
    ]
    decided: dict[int, bool] = {}
    for (number, _), answer in zip(bodies, _answers(service, [body for _, body in bodies]), strict=True):
        decided[number] = decided.get(number, False) or _passes(answer, attempts[number].payload)
    counts = {(expect, passed): 0 for expect in Expectation for passed in (True, False)}
    for number, passed in decided.items():
        counts[attempts[number].entry.expect, passed] += 1
    attacks, twins = Expectation.STOP, Expectation.PASS
    return counts[attacks, True], counts[attacks, False], counts[twins, True], counts[twins, False]


def _carried(folder: Path, service: Service) -> Iterator[PointUnderTest]:
    """Yield each point with the cases that expect `allow` and are allowed."""
    (file,) = find_manifests(folder / "manifest.yaml")
    cases = [case for case in cases_beside(file) if case.expected["decision"] == "allow"]
    for point in dict.fromkeys(case.point for case in cases):
        here = [case for case in cases if case.point == point]
        asked = [{"intervention_point": point.value, "snapshot": case.snapshot} for case in here]
        found = zip(here, _answers(service, asked), strict=True)
        allowed = [case for case, answer in found if answer["verdict"]["decision"] == "allow"]
        yield PointUnderTest(point, allowed)


def _passes(answer: Any, payload: str) -> bool:
    """True if an attempt is let through, or a transform leaves twelve of its characters in a row."""
    decision = answer["verdict"]["decision"]
    if decision != "transform":
        return decision in {"allow", "warn"}
    left = "\0".join(texts_of(answer["transformed_policy_target"]).parts)
    return any(payload[at : at + 12] in left for at in range(max(1, len(payload) - 11)))


def _answers(service: Service, bodies: list[dict[str, Any]]) -> list[Any]:
    found: list[Any] = []
    for first in range(0, len(bodies), 200):
        _, answer = service.post("/v1/evaluate:batch", {"requests": bodies[first : first + 200]})
        found += answer["results"]
    return found


def main() -> int:
    """Print both counts of each example; 1 where they differ."""
    wrong = 0
    for folder in sorted(path for path in EXAMPLES.iterdir() if path.name != "test-double"):
        with tempfile.TemporaryDirectory() as place:
            service = start_service(Path(place), "--manifests", str(folder / "manifest.yaml"))
            try:
                again = recounted(folder, service)
            finally:
                service.process.terminate()
                service.process.wait()
        first = printed(folder)
        wrong += first != again
        print(
            f"{folder.name}: printed {first}, counted {again}{'' if first == again else ' DIFFERENT'}",
            flush=True,
        )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
