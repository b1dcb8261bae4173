"""`acs-sidecar oags harness`: the public harness's protocol over standard input and output (section 9.7)."""

import sys
from typing import BinaryIO

import orjson
import typer

from acs_sidecar.engines.adapters.oags.harness import answer
from acs_sidecar.spec.document.duplicate_members import has_duplicate_members

__all__ = ["MAX_LINE", "answer_line", "harness"]

MAX_LINE = 1024 * 1024


def harness() -> None:
    """Answer the operations of the conformance harness, one JSON object a line, until the input ends.

    `{"operation": …, "params": …}` is answered by `{"result": …}`, or by `{"error": …}`, which ends nothing.
    """
    try:
        _serve(sys.stdin.buffer, sys.stdout.buffer)
    except BrokenPipeError:
        raise typer.Exit(0) from None


def answer_line(line: bytes) -> bytes:
    """Return the answer to one line, without its newline."""
    if len(line) > MAX_LINE:
        return orjson.dumps({"error": f"a line has at most {MAX_LINE} bytes"})
    try:
        request = orjson.loads(line)
    except orjson.JSONDecodeError:
        return orjson.dumps({"error": "not JSON"})
    if has_duplicate_members(line, request):
        return orjson.dumps({"error": "names a member twice"})
    return orjson.dumps(answer(request))


def _serve(requests: BinaryIO, answers: BinaryIO) -> None:
    while line := requests.readline(MAX_LINE + 2):
        end = line
        while not end.endswith(b"\n") and (more := requests.readline(MAX_LINE)):
            end = more  # the rest of a line that is too long
        answers.write(answer_line(line.removesuffix(b"\n")) + b"\n")
        answers.flush()
