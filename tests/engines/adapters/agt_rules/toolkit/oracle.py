"""The toolkit's published package, in a process and an environment of its own: the oracle of these tests alone."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from acs_sidecar.spec.values import Json

__all__ = ["PACKAGE", "OracleMissingError", "ToolkitAnswer", "ToolkitOracle"]

PACKAGE = "agent-governance-toolkit-core==5.0.0"
ENVIRONMENT = Path(os.environ.get("AGT_ORACLE", Path(__file__).parents[5] / ".cache" / "agt"))


class OracleMissingError(Exception):
    """The environment is not there; `make agt-oracle` makes it."""


@dataclass(frozen=True, slots=True)
class ToolkitAnswer:
    """What the toolkit decides, by which rule, and which rules match: `None` where the comparison fails.

    `refused` is the error with which it refuses to load the documents.
    """

    decision: str = ""
    rule: str | None = None
    matches: dict[str, bool | None] | None = None
    refused: str | None = None


class ToolkitOracle:
    """One process, asked as often as wanted."""

    def __init__(self) -> None:
        python = ENVIRONMENT / "bin" / "python"
        if not python.exists():
            raise OracleMissingError(f"no environment with {PACKAGE} in {ENVIRONMENT}: run `make agt-oracle`")
        self._process = subprocess.Popen(
            [python, Path(__file__).with_name("oracle_process.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> "ToolkitOracle":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def ask(self, given: dict[str, Json]) -> ToolkitAnswer:
        """Evaluate one case."""
        if self._process.stdin is None or self._process.stdout is None:
            raise OracleMissingError("the oracle has no pipes")
        self._process.stdin.write(json.dumps(given) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return ToolkitAnswer(**answer)
