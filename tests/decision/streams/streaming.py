"""Streams answered by the decision service in this process."""

import asyncio
import time
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import orjson

from acs_sidecar.decision.caller import Caller, Sender
from acs_sidecar.decision.refusal import RefusalError, Refused
from acs_sidecar.decision.service import DecisionService
from acs_sidecar.decision.streams.exchange import Emit
from acs_sidecar.decision.streams.intake import Intake, StreamLimits
from acs_sidecar.decision.streams.opening import StreamOpening, read_opening
from acs_sidecar.spec.values import Json
from tests.cases import changed, load_file

END = b'{"end":true}'
STREAMS = load_file("streams.yaml")


def first_line(case: dict[str, Any]) -> bytes:
    """The first line of a case."""
    if "first" in case:
        return str(case["first"]).encode()
    manifest = changed(STREAMS["manifest"], case.get("manifest", {}))
    opening = changed({"manifest": manifest, **STREAMS["open"]}, case.get("open", {}))
    return orjson.dumps({"open": opening})


def further_lines(case: dict[str, Any]) -> list[bytes]:
    """The other lines of a case."""
    return [line.encode() if isinstance(line, str) else orjson.dumps(line) for line in case["lines"]]


def text(value: str, *, cut: bool = True, source: str = "model_generated") -> bytes:
    """A line of text."""
    return orjson.dumps({"text": value, "source": source, "cut": cut})


def summary(answer: list[dict[str, Any]]) -> list[Any]:
    """What lies between the first and the last line of an answer, as in the case file."""
    assert list(answer[0]) == ["opened"]
    assert [list(line) for line in answer[-1:]] == [["settled"]]
    return [_short(line) for line in answer[1:-1]]


def _short(line: dict[str, Any]) -> Any:
    if "watermark" in line:
        track, offset = line["watermark"]["track"], line["watermark"]["offset"]
        return offset if track == "response" else [track, offset]
    span = line["span"]
    short = [span["start"], span["end"], span["verdict"]["decision"]]
    return short if span["track"] == "response" else [span["track"], *short]


def answered(
    service: DecisionService,
    first: bytes,
    lines: list[bytes],
    *,
    limits: StreamLimits | None = None,
    caller: Caller | None = None,
    at_once: bool = True,
) -> list[dict[str, Any]] | RefusalError:
    """Answer one stream: whatever was emitted, or the refusal of it.

    With `at_once` everything has arrived before the first span is evaluated, else each line when the
    answer to the one before it is complete; what follows an `end` comes with it.
    """
    return asyncio.run(_answered(service, first, lines, limits or StreamLimits(), caller, at_once))


async def streamed(
    service: DecisionService,
    opening: StreamOpening,
    sender: Sender,
    intake: Intake,
    counted: AbstractContextManager[None],
    emit: Emit,
) -> Refused | None:
    """Answer a stream to its end, as a transport does."""
    exchange = await service.stream(opening, sender, intake, counted)
    if isinstance(exchange, Refused):
        return exchange
    try:
        await exchange.run(emit)
    except RefusalError as error:
        return await service.refuse(error, opening.point, sender)
    return None


async def _answered(
    service: DecisionService,
    first: bytes,
    lines: list[bytes],
    limits: StreamLimits,
    caller: Caller | None,
    at_once: bool,
) -> list[dict[str, Any]] | RefusalError:
    try:
        opening = read_opening(first)
    except RefusalError as error:
        return error
    answer: list[dict[str, Any]] = []
    intake = Intake(limits, time.perf_counter_ns)
    sending, sent = [*lines], [b""]

    def send_next() -> None:
        if sending:
            sent.append(sending.pop(0))
            intake.take(sent[-1])
        else:
            intake.close()

    async def emit(emitted: list[dict[str, Json]]) -> None:
        answer.extend(orjson.loads(orjson.dumps(emitted)))
        if at_once:
            for _ in range(len(sending) + 1):
                send_next()

    async def dribble() -> None:
        while True:
            await asyncio.sleep(0.001)
            if intake.waits:
                send_next()
                while sending and sent[-1] == END:
                    send_next()

    dribbling = None if at_once else asyncio.create_task(dribble())
    refused = await streamed(service, opening, Sender(caller, None), intake, nullcontext(), emit)
    if dribbling:
        dribbling.cancel()
    return refused.error if isinstance(refused, Refused) else answer
