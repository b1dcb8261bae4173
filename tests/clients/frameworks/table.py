"""Runs the seven cases on every installed framework, and writes the table of them into `docs/agents/README.md`."""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.clients.frameworks.expected import SEVEN, fault_of
from tests.clients.frameworks.frameworks import FRAMEWORKS, Framework, run_cases, start_governed
from tests.conftest import ROOT

PAGE = ROOT / "docs" / "agents" / "README.md"
BEGIN, END = "<!-- the seven cases -->\n", "<!-- end -->\n"
TITLES = {
    "arguments": "new arguments",
    "result": "new result",
    "stream": "streamed answer",
    "killed": "service killed",
}


def version_of(framework: Framework) -> str:
    """The installed version of a framework."""
    code = f"import importlib.metadata; print(importlib.metadata.version('{framework.package}'))"
    command = [str(framework.python), "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def came_of(framework: Framework, ways: tuple[str, ...], *cases: str) -> Any:
    """What came of cases, with a service of their own."""
    with tempfile.TemporaryDirectory() as folder:
        service = start_governed(Path(folder))
        try:
            return run_cases(framework, service, ways, *cases)
        finally:
            service.stop()


def row_of(framework: Framework) -> tuple[str, list[str]]:
    """The row of a framework, and what is wrong."""
    cases = [case for case in SEVEN if case not in framework.lacks]
    came = came_of(framework, framework.ways, *(case for case in cases if case != "killed"))
    for way in framework.ways:
        came[way] |= came_of(framework, (way,), "killed")[way]
    faults = {
        case: [fault for way in framework.ways if (fault := fault_of(case, came[way][case]))]
        for case in cases
    }
    cells = ["none" if case not in faults else "**fails**" if faults[case] else "holds" for case in SEVEN]
    if framework.streams is not None:
        cells[list(SEVEN).index("stream")] = framework.streams
    row = f"| {framework.package} {version_of(framework)} | {' | '.join(cells)} |"
    return row, [fault for found in faults.values() for fault in found]


def main() -> int:
    """Write the table; return 1 if a case does not hold."""
    installed = [framework for framework in FRAMEWORKS.values() if framework.is_there]
    titles = [TITLES.get(case, case) for case in SEVEN]
    lines = [f"| | {' | '.join(titles)} |", "|---" * (len(titles) + 1) + "|"]
    failed: list[str] = []
    for framework in installed:
        row, faults = row_of(framework)
        sys.stdout.write(f"{row}\n")
        lines.append(row)
        failed += faults
    text = PAGE.read_text()
    head, tail = text[: text.index(BEGIN) + len(BEGIN)], text[text.index(END) :]
    PAGE.write_text(head + "\n".join(lines) + "\n" + tail)
    sys.stderr.write("".join(f"{fault}\n" for fault in failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
