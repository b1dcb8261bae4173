"""The published templates of the specification, scanned: `python -m tests.engines.adapters.soul.templates FOLDER`.

FOLDER is a checkout of the repository of the Agent Behavioral Governance Specification. Nothing of it is kept here.
Each of its four templates and three examples is at the level essential, with a score from 50 to 75.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from acs_sidecar.engines.adapters.soul.controls import Tier
from acs_sidecar.engines.adapters.soul.scan import scan_bytes
from acs_sidecar.engines.adapters.soul.score import GovernanceLevel

__all__ = ["TIERS"]

TIERS = {
    "templates/basic.md": Tier.BASIC,
    "templates/tool-using.md": Tier.TOOL_USING,
    "templates/agentic.md": Tier.AGENTIC,
    "templates/multi-agent.md": Tier.MULTI_AGENT,
    "examples/chatbot-soul.md": Tier.BASIC,
    "examples/coding-agent-soul.md": Tier.AGENTIC,
    "examples/data-pipeline-soul.md": Tier.TOOL_USING,
}
"""Each file, and the tier that it states."""


def main(folder: Annotated[Path, typer.Argument(help="a checkout of the specification")]) -> None:
    """Scan each file; fail where one is at another level than essential, or scores outside 50 to 75."""
    failed = False
    for name, tier in TIERS.items():
        scanned = scan_bytes((folder / name).read_bytes(), tier)
        score = scanned.score.score
        failed = failed or scanned.level is not GovernanceLevel.ESSENTIAL or not 50 <= score <= 75
        sys.stdout.write(
            f"{name:32} {tier:12} {len(scanned.detected):2} of {scanned.score.applicable:2}"
            f"  score {score:2}  {scanned.level}\n"
        )
    raise typer.Exit(int(failed))


if __name__ == "__main__":
    typer.run(main)
