"""Standard input and output, whose failures say which of them failed."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader, BufferedWriter, FileIO, TextIOWrapper
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

__all__ = ["StandardStreamError", "flush_output", "name_standard_streams"]


class StandardStreamError(Exception):
    """A standard stream cannot be read or written; no `OSError`, which is about the files of a command."""


def name_standard_streams() -> None:
    """Make standard input and output raise `StandardStreamError`, also where they are closed."""
    sys.stdin = _text(sys.stdin, BufferedReader(_Stream(sys.stdin, "r", "standard input")))
    sys.stdout = _text(sys.stdout, BufferedWriter(_Stream(sys.stdout, "w", "standard output")))


def flush_output() -> None:
    """Write what is left of the output. A stream that fails is closed, or the interpreter tries it again."""
    try:
        sys.stdout.flush()
    except (BrokenPipeError, StandardStreamError) as error:
        with suppress(BrokenPipeError, StandardStreamError):
            sys.stdout.close()
        if isinstance(error, StandardStreamError):
            raise


class _Stream(FileIO):
    """The bytes of a standard stream. That nobody reads the output any more is a `BrokenPipeError`, once."""

    def __init__(self, stream: TextIO | None, mode: str, name: str) -> None:
        if stream is not None:
            number = stream.fileno()
        else:  # closed: a descriptor that fails too, for else a file would be opened under its number
            number = os.open(os.devnull, os.O_WRONLY if mode == "r" else os.O_RDONLY)
        super().__init__(number, mode, closefd=False)
        self._name = name
        self._is_read = True

    def write(self, data: "ReadableBuffer", /) -> int:
        """Write bytes as the base does; what is still buffered when the reader has gone is dropped."""
        if not self._is_read:
            return memoryview(data).nbytes
        with self._failures():
            return super().write(data)

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        """Read bytes as the base does."""
        with self._failures():
            return super().readinto(buffer)

    def readall(self) -> bytes:
        """Read bytes as the base does."""
        with self._failures():
            return super().readall()

    @contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            self._is_read = False
            raise
        except OSError as error:
            raise StandardStreamError(f"{self._name}: {error.strerror}") from error


def _text(given: TextIO | None, content: BufferedReader | BufferedWriter) -> TextIOWrapper:
    """Return a stream of text as the one that was given; what was not buffered is written by lines."""
    if not isinstance(given, TextIOWrapper):
        return TextIOWrapper(content, "utf-8")
    by_line = given.line_buffering or given.write_through
    return TextIOWrapper(content, given.encoding, given.errors, line_buffering=by_line)
