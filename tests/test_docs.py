"""The commands in the documentation are run, and print what the documentation says.

In `README.md` and below `docs/`, a fenced block with `title="PATH"` behind its language is written to that file, and in a block
of language `console` a line that starts with `$ ` is run, with the lines that its quotes or a backslash take in; what stands
below is the expected output. All blocks of a document share one folder, which begins with a copy of `manifests/`. In expected
output `…` stands for any text, JSON may have other white space, and where a record lies in the audit log is not compared.
A service is started where `acs-sidecar serve` stands, or with the example manifests when one is first called at port 8383.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import COMMAND, ROOT, Service, environment, start_service

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```(?P<language>\w+)(?P<info>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
TITLE = re.compile(r'title="([^"]+)"')
ADDRESS = re.compile(r"(?:localhost|127\.0\.0\.1):8383")
SERVE = "acs-sidecar serve"
VOLATILE = {"log", "record_id"}


@dataclass
class Session:
    """One reader of one document: a folder, and the service that runs in it."""

    folder: Path
    start: Callable[[list[str]], Service]
    service: Service | None = field(default=None)

    def follow(self, document: str) -> int:
        """Do what the document says; give how many commands that were."""
        commands = 0
        for block in FENCE.finditer(document):
            if title := TITLE.search(block["info"]):
                file = self.folder / title[1]
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(block["text"])
            elif block["language"] == "console":
                for command, expected in steps(block["text"]):
                    self.run(command, expected)
                    commands += 1
        return commands

    def run(self, command: str, expected: str) -> None:
        """Run one command and compare what it prints."""
        if command.startswith(SERVE):
            self.service = self.start(shlex.split(command.removeprefix(SERVE)))
            return
        if ADDRESS.search(command):
            if shutil.which("curl") is None and "CI" not in os.environ:
                pytest.skip("curl is not installed")
            self.service = self.service or self.start([])
            command = ADDRESS.sub(self.service.url.removeprefix("http://"), command)
        path = os.pathsep.join([str(COMMAND.parent), os.environ["PATH"]])
        done = subprocess.run(
            ["bash", "-c", command],  # noqa: S607  # the documentation's commands are for a shell
            cwd=self.folder,
            env=environment(PATH=path, COLUMNS="120"),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        assert matches(expected, done.stdout), (
            f"$ {command}\n{done.stdout}\nis not what was expected:\n{expected}"
        )


def steps(block: str) -> Iterator[tuple[str, str]]:
    """Split a console block into commands, each with the output below it."""
    for step in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        lines = step.splitlines()
        end = next((end for end in range(1, len(lines)) if complete("\n".join(lines[:end]))), len(lines))
        yield "\n".join(lines[:end]), "\n".join(lines[end:])


def complete(command: str) -> bool:
    """Tell whether a shell would run this, and not wait for another line."""
    try:
        shlex.split(command)
    except ValueError:
        return False
    return not command.endswith("\\")


def matches(expected: str, actual: str) -> bool:
    """Compare as JSON where both are, and else line by line, without spaces at the ends of lines."""
    try:
        return same(json.loads(expected), json.loads(actual))
    except ValueError:
        return same(stripped(expected), stripped(actual))


def stripped(text: str) -> str:
    """Drop what a terminal does not show."""
    return "\n".join(line.rstrip() for line in text.rstrip().splitlines())


def same(expected: Any, actual: Any) -> bool:
    """Compare values, and the order of members; in a text, `…` stands for any text."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        return [*expected] == [*actual] and all(
            name in VOLATILE or same(expected[name], actual[name]) for name in expected
        )
    if isinstance(expected, list) and isinstance(actual, list):
        return len(expected) == len(actual) and all(map(same, expected, actual))
    if isinstance(expected, str) and isinstance(actual, str):
        pattern = ".*".join(map(re.escape, expected.split("…")))
        return re.fullmatch(pattern, actual, re.DOTALL) is not None
    return type(expected) is type(actual) and bool(expected == actual)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """A reader with a fresh copy of the example manifests."""
    shutil.copytree(ROOT / "manifests", tmp_path / "manifests")
    services: list[Service] = []

    def start(arguments: list[str]) -> Service:
        services.append(start_service(tmp_path, *arguments))
        return services[-1]

    yield Session(tmp_path, start)
    for service in services:
        service.stop()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_document_tells_the_truth(document: Path, session: Session) -> None:
    """Every command of the document prints what the document says; no console block is without one."""
    text = document.read_text()
    assert session.follow(text) >= text.count("```console")


def test_a_document_that_lies_is_caught(session: Session) -> None:
    """Another output, a missing line and a line too many are no match; a continued command is one command."""
    session.follow("```console\n$ echo a \\\n  'b\nc'\na b\nc\n$ printf 'x\\ny'\n…\ny\n```\n")
    for expected in ("b", "", "a\nb"):
        with pytest.raises(AssertionError, match="is not what was expected"):
            session.follow(f"```console\n$ echo a\n{expected}\n```\n")
    assert not matches('{"a": 1}', '{"a": true}')
    assert not matches('{"a": 1, "b": 2}', '{"b": 2, "a": 1}')
    assert not matches('{"a": "sha256:…"}', '{"a": "sha512:1"}')
    assert matches('{"b": ["x…z"], "a": 1}', '{\n "b": ["xyz"], "a": 1}')
