"""What every framework is made to do, whatever its own classes are: tools, what the model says, and what came of it.

Runs in the environment of a framework, beside the client and the standard library alone.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from wrong_service import FAILURES, WrongService

from acs_client import Blocked, Client, Session

__all__ = ["TOOLS", "Call", "Outcome", "Says", "main"]

PROMPT = "hello"
POINTS = ("input", "pre_model_call", "post_model_call", "pre_tool_call", "post_tool_call", "output")


@dataclass(frozen=True)
class Call:
    """A tool call of the model."""

    name: str
    args: dict[str, Any]
    id: str


@dataclass(frozen=True)
class Says:
    """One answer of the model, before which the service may be killed."""

    text: str = ""
    calls: tuple[Call, ...] = ()
    kills: bool = False

    def prepare(self) -> None:
        """Do what happens before the answer."""
        if self.kills:
            for pid in json.loads(os.environ["SERVICE_PIDS"]):
                os.kill(pid, signal.SIGKILL)


@dataclass
class Outcome:
    """What came of a case.

    `ran` is what the tools did, `seen` what the model was sent, `got` what the caller received, in a stream
    where there is one, `history` what the framework remembers, `raised` what ended the run.
    """

    ran: list[Any] = field(default_factory=list)
    seen: list[list[Any]] = field(default_factory=list)
    got: list[Any] = field(default_factory=list)
    history: list[Any] = field(default_factory=list)
    raised: str | None = None
    pauses: int = 0
    signs: int = 1

    def approval(self, ticket: dict[str, Any]) -> str | None:
        """What an approver says to a pause: as many approvals as the case has, and then only a click."""
        self.pauses += 1
        return signed(ticket) if self.pauses <= self.signs else None


ran: list[Any] = []


def search(q: str) -> str:
    """Search."""
    ran.append(["search", q])
    return f"found secret-123 for {q}"


def send_email(to: str) -> str:
    """Send."""
    ran.append(["send_email", to])
    return f"sent to {to}"


def delete_file(path: str) -> str:
    """Delete."""
    ran.append(["delete_file", path])
    return "gone"


def pay(amount: int) -> str:
    """Pay."""
    ran.append(["pay", amount])
    return "paid"


def odd() -> str:
    """Do something odd."""
    ran.append(["odd"])
    return "done"


def fail(q: str) -> str:
    """Fail with a text that is not for the model."""
    ran.append(["fail", q])
    raise ValueError("cannot reach secret-123")


TOOLS = (search, send_email, delete_file, pay, odd, fail)


def _once(name: str, **args: Any) -> list[Says]:
    return [Says(calls=(Call(name, args, "c-1"),)), Says("fine")]


SAYS: dict[str, list[Says]] = {
    "allow": _once("search", q="x"),
    "warn": _once("odd"),
    "deny": _once("delete_file", path="x"),
    "escalate": _once("pay", amount=7),
    "unsigned": _once("pay", amount=7),
    "again": [
        Says(calls=(Call("pay", {"amount": 7}, "c-1"),)),
        Says(calls=(Call("pay", {"amount": 7}, "c-2"),)),
        Says("fine"),
    ],
    "arguments": _once("send_email", to="x@example.org"),
    "result": _once("search", q="y"),
    "stream": [Says("it is secret-123")],
    "killed": [Says(calls=(Call("search", {"q": "x"}, "c-1"),), kills=True), Says("fine")],
    "input": [Says("fine")],
    "model": [Says("a bomb")],
    "error": _once("fail", q="x"),
    "parallel": [
        Says(
            calls=(
                Call("search", {"q": "x"}, "c-1"),
                Call("delete_file", {"path": "x"}, "c-2"),
                Call("send_email", {"to": "x@example.org"}, "c-3"),
            )
        ),
        Says("fine"),
    ],
    "raises": _once("search", q="x"),
    "wrong": [Says(calls=(Call("search", {"q": "x"}, "c-1"),)), Says("final-text")],
}
PROMPTS = {"input": "a bomb"}
Run = Callable[[Session, str, list[Says], str, Outcome], None]


def signed(ticket: dict[str, Any]) -> str:
    """What the approver signs."""
    command = json.loads(os.environ["SIGNER"])
    text = json.dumps(ticket["approval"])
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout.strip()


def _broken(held: Any) -> Any:
    """Mediation that has a fault of its own when a tool is called."""

    def decide(point: str, *rest: Any) -> Any:
        if point == "pre_tool_call":
            raise ZeroDivisionError("the adapter is broken")
        return held(point, *rest)

    return decide


def _case(run: Run, name: str, way: str, asks: bool) -> Outcome:
    outcome = Outcome(signs=0 if name == "unsigned" else 1)
    approver = outcome.approval if asks else None
    with (
        Client(manifest="governed", timeout=20) as client,
        client.session("a", points=POINTS, approver=approver) as session,
    ):
        if name != "raises":
            return _done(run, session, name, way, outcome)
        held = session._mediator._decide
        session._mediator._decide = _broken(held)  # type: ignore[method-assign]  # any fault of an adapter
        try:
            return _done(run, session, name, way, outcome)
        finally:
            session._mediator._decide = held  # type: ignore[method-assign]  # same


def _done(run: Run, session: Session, name: str, way: str, outcome: Outcome) -> Outcome:
    ran.clear()
    try:
        run(session, way, list(SAYS[name]), PROMPTS.get(name, PROMPT), outcome)
    except BaseException as error:  # noqa: BLE001  # whatever it is, it is what the caller gets
        outcome.raised = _described(error)
    outcome.ran = list(ran)
    return outcome


def _described(error: BaseException) -> str:
    """The block that ended the run, wherever a framework has put it."""
    seen: list[BaseException] = [error]
    for found in seen:
        if isinstance(found, Blocked):
            return f"{type(found).__name__} {found.point} {found.cause}"
        if (
            type(found).__name__ == "InterceptionBlocked"
        ):  # as Agent Hooks tells it: `POINT blocked: deny (REASON)`
            kind = "Unavailable {} unreachable" if "runtime_error" in str(found) else "Denied {} service"
            return kind.format(str(found).partition(" ")[0])
        seen += [
            cause for cause in (found.__cause__, found.__context__) if cause is not None and cause not in seen
        ]
        seen += getattr(found, "exceptions", ())
    return f"{type(error).__name__}: {error}"


def _wrong(run: Run, way: str) -> dict[str, Any]:
    """What came of each failure of the service at each point that the framework has."""
    found: dict[str, Any] = {}
    for point in json.loads(os.environ["CASE_POINTS"]):
        for failure in FAILURES:
            with WrongService(point, failure) as service, Client(service.url, timeout=0.3) as client:
                outcome = _done(run, client.session("a", points=POINTS), "wrong", way, Outcome())
            found[f"{point}: {failure}"] = vars(outcome)
    return found


def _recorded(run: Run, way: str) -> list[dict[str, Any]]:
    """What a service is sent in a run that it permits."""
    with WrongService("", "") as service, Client(service.url) as client:
        _done(run, client.session("a", id="s", points=POINTS), "allow", way, Outcome())
        return [body["snapshot"] for body in service.bodies]


def main(run: Run, *, asks: bool = False) -> None:
    """Run the cases that the command line names, in each way; print what came of them as JSON.

    With `asks` the session asks the approver itself, for a framework without a pause.
    """
    ways, names = sys.argv[1].split(","), sys.argv[2:]
    others: dict[str, Callable[[Run, str], Any]] = {"wrong": _wrong, "recorded": _recorded}
    came = {
        way: {
            name: others[name](run, way) if name in others else vars(_case(run, name, way, asks))
            for name in names
        }
        for way in ways
    }
    os.write(1, json.dumps(came).encode())
