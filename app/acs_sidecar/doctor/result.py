"""What a check found: a state, a sentence, and the command or change that mends it."""

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Result", "State", "counted", "ok", "problem", "warning"]


class State(StrEnum):
    """A problem keeps the service, or a promise of it, from working; a warning will, or may."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Result:
    """One finding of the check named `check`; `fix` is empty where nothing is to do."""

    check: str
    state: State
    detail: str
    fix: str = ""


def ok(check: str, detail: str) -> Result:
    """Return a passed check."""
    return Result(check, State.OK, detail)


def warning(check: str, detail: str, fix: str) -> Result:
    """Return a warning."""
    return Result(check, State.WARNING, detail, fix)


def problem(check: str, detail: str, fix: str) -> Result:
    """Return a problem."""
    return Result(check, State.PROBLEM, detail, fix)


def counted(number: int, noun: str) -> str:
    """Write how many there are of something."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
