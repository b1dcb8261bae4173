"""An adapter that does, inside a child of the sandbox, what no honest evaluator does."""

import ctypes
import os
import resource
import signal
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from acs_sidecar.spec.manifest.declaration import Member, MemberTable
from acs_sidecar.spec.policy_statement import PolicyStatement
from acs_sidecar.spec.ports import CompileRequest, Evaluator, PointBinding, PolicyInput, PolicyOutput
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["HOSTILE"]

CHANNEL = 3


def _spin() -> None:
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        try:
            signal.signal(number, signal.SIG_IGN)
        except OSError:
            continue
    while True:
        pass


def _hog() -> None:
    kept = []
    while True:
        kept.append(bytearray(1024 * 1024))


def _recurse() -> None:
    value: tuple[object, ...] = ()
    for _ in range(200_000):
        value = (value,)
    hash(value)


def _print() -> None:
    print("x" * 100_000)  # noqa: T201  # what a policy might do
    os.write(1, b"x" * 100_000)
    os.write(2, b"x" * 100_000)


def _chatter(frame: bytes) -> Callable[[], None]:
    def say() -> None:
        os.write(CHANNEL, frame)

    return say


def _stammer() -> None:
    os.write(CHANNEL, _reply(3, b"{}")[:3])
    time.sleep(3600)


def _reply(tell: int, body: bytes) -> bytes:
    return struct.pack("<IBB", len(body), tell, 0) + body


ALLOW = b'{"besides":{"trace":{},"notes":null,"failure":null},"value":{"decision":"allow"}}'

ACTS: dict[str, Callable[[], object]] = {
    "nothing": lambda: None,
    "spin": _spin,
    "sleep": lambda: time.sleep(3600),
    "hog": _hog,
    "recurse": _recurse,
    "print": _print,
    "exit": lambda: sys.exit(0),
    "exit at once": lambda: os._exit(0),
    "abort": os.abort,
    "segfault": lambda: ctypes.string_at(0),
    "close the channel": lambda: os.close(CHANNEL),
    "say no such thing": _chatter(struct.pack("<IBB", 2, 9, 0) + b"{}"),
    "say it is ready": _chatter(_reply(0, b"")),
    "say it has compiled": _chatter(_reply(1, b'{"digests":{},"warnings":[],"requires":[]}')),
    "say what is not JSON": _chatter(_reply(3, b"allow")),
    "say what is no object": _chatter(_reply(3, b"[]")),
    "say what nests too deep": _chatter(_reply(3, b'{"besides":{},"value":' + b"[" * 100_000)),
    "say it twice": _chatter(_reply(3, ALLOW) * 2),
    "say too much": _chatter(struct.pack("<IBB", 2**31, 3, 0)),
    "say a part of it": _stammer,
    "give no known reason": _chatter(_reply(4, b'{"reason":"allow","detail":"x"}')),
    "give a detail of many lines": _chatter(
        _reply(4, b'{"reason":"runtime_error:path_missing","detail":"a\\nb"}')
    ),
}


@dataclass(frozen=True)
class _Policy:
    definition: JsonObject
    statement: PolicyStatement = field(default_factory=PolicyStatement)

    def bind(self, binding: PointBinding) -> Evaluator:
        return self

    def evaluate(self, policy_input: PolicyInput) -> PolicyOutput:
        if self.definition["do"] == "report":
            return PolicyOutput(_report())
        if self.definition["do"] == "output":
            return PolicyOutput(_output(str(self.definition["of"])))
        if self.definition["when"] == "evaluate":
            ACTS[str(self.definition["do"])]()
        return PolicyOutput({"decision": "allow"})

    def explain(self, policy_input: PolicyInput) -> JsonObject:
        if self.definition["when"] == "explain":
            ACTS[str(self.definition["do"])]()
        return {"kind": "hostile", "n": self.definition["n"]} if "n" in self.definition else {}


class _Hostile:
    name = "hostile"
    inline_safe = True
    members: ClassVar[MemberTable] = {name: Member(f"`{name}`.") for name in ("do", "when", "of", "n")}

    def compile(self, request: CompileRequest) -> _Policy:
        definition = request.definition
        if definition["when"] == "compile":
            ACTS[str(definition["do"])]()
        return _Policy(definition)


def _output(of: str) -> Json:
    match of:
        case "deep":
            value: Json = []
            for _ in range(300):
                value = [value]
            return value
        case "long":
            return "x" * 300_000
        case "no JSON":
            return {"decision": 2**70}
    raise ValueError(of)


def _report() -> Json:
    """Tell what this process may and may not do."""
    library = ctypes.CDLL(None, use_errno=True)
    capabilities = (ctypes.c_uint32 * 6)()
    library.capget((ctypes.c_uint32 * 2)(0x20080522, 0), capabilities)
    limits: dict[str, Json] = {
        name: resource.getrlimit(getattr(resource, f"RLIMIT_{name}"))[0]
        for name in ("CORE", "FSIZE", "NPROC", "NOFILE", "CPU", "AS")
    }
    return {
        "limits": limits,
        "environment": dict(os.environ),
        "descriptors": [number for number in range(256) if _is_open(number)],
        "devices": [os.fstat(number).st_rdev for number in (0, 1, 2)],
        "null": os.makedev(1, 3),
        "capabilities": list(capabilities),
        "no_new_privileges": library.prctl(39, 0, 0, 0, 0),
        "dumpable": library.prctl(3, 0, 0, 0, 0),
        "directory": str(Path.cwd()),
        "session": os.getsid(0) == os.getppid(),
        "file": _refusal(lambda: Path("/etc/hostname").read_bytes()),
        "socket": _refusal(socket.socket),
        "pipe": _refusal(os.pipe),
        "thread": _refusal(lambda: threading.Thread(target=lambda: None).start()),
        "uid": os.getuid(),
    }


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def _refusal(attempt: Callable[[], object]) -> str:
    try:
        attempt()
    except (OSError, RuntimeError) as error:
        return type(error).__name__ + (f" {error.errno}" if isinstance(error, OSError) else "")
    return "none"


HOSTILE = _Hostile()
