"""Imports an OSCAL document with compliance-trestle, whose environment runs this, and again what that writes."""

import os
import sys
from pathlib import Path

from trestle.cli import Trestle  # type: ignore[import-not-found]  # in an environment of its own
from trestle.oscal.assessment_results import (  # type: ignore[import-not-found]  # the same
    AssessmentResults,
)


def trestle(*arguments: str) -> None:
    """Run a command of trestle; ends the process where it fails."""
    sys.argv = ["trestle", *arguments]
    if code := Trestle().run():
        sys.exit(f"trestle {' '.join(arguments)}: exit {code}")


def main(document: Path, workspace: Path) -> None:
    """Validate a document in an empty workspace, and once more after a round trip."""
    os.chdir(workspace)
    trestle("init", "--local")
    trestle("import", "-f", str(document), "-o", "report")
    again = document.with_name("again.json")
    stored = AssessmentResults.oscal_read(Path("assessment-results/report/assessment-results.json"))
    stored.oscal_write(again)
    if AssessmentResults.oscal_read(again) != AssessmentResults.oscal_read(document):
        sys.exit("the round trip changed the document")
    trestle("import", "-f", str(again), "-o", "again")
    trestle("validate", "-a")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
