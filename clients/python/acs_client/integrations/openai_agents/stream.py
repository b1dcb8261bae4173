"""The events of a permitted answer (section 12.5): the stream of a model that said it in one piece."""

from collections.abc import Iterator
from itertools import count
from typing import Any

from openai.types import responses

__all__ = ["events_of"]


def events_of(response: Any) -> Iterator[Any]:
    """Return the events of a stream that ends with `response`; nothing of the original stream is left."""
    numbers = count()
    begun = response.model_copy(update={"output": [], "status": "in_progress", "usage": None})
    yield _event("Created", numbers, type="response.created", response=begun)
    yield _event("InProgress", numbers, type="response.in_progress", response=begun)
    for index, item in enumerate(response.output):
        yield _event(
            "OutputItemAdded",
            numbers,
            type="response.output_item.added",
            item=_begun(item),
            output_index=index,
        )
        place = {"item_id": getattr(item, "id", None) or "", "output_index": index}
        if item.type == "message":
            for part_index, part in enumerate(item.content):
                yield from _part(part, {**place, "content_index": part_index}, numbers)
        if item.type == "function_call":
            yield from _arguments(item, place, numbers)
        yield _event(
            "OutputItemDone", numbers, type="response.output_item.done", item=item, output_index=index
        )
    yield _event("Completed", numbers, type="response.completed", response=response)


def _part(part: Any, place: dict[str, Any], numbers: Iterator[int]) -> Iterator[Any]:
    kind = "refusal" if part.type == "refusal" else "output_text"
    name = "Refusal" if kind == "refusal" else "Text"
    text = part.refusal if kind == "refusal" else part.text
    empty = part.model_copy(update={"refusal": ""} if kind == "refusal" else {"text": "", "annotations": []})
    more: dict[str, Any] = {} if kind == "refusal" else {"logprobs": []}
    done = {"refusal": text} if kind == "refusal" else {"text": text, "logprobs": []}
    yield _event("ContentPartAdded", numbers, type="response.content_part.added", part=empty, **place)
    yield _event(f"{name}Delta", numbers, type=f"response.{kind}.delta", delta=text, **place, **more)
    yield _event(f"{name}Done", numbers, type=f"response.{kind}.done", **place, **done)
    yield _event("ContentPartDone", numbers, type="response.content_part.done", part=part, **place)


def _arguments(item: Any, place: dict[str, Any], numbers: Iterator[int]) -> Iterator[Any]:
    kind = "response.function_call_arguments"
    yield _event("FunctionCallArgumentsDelta", numbers, type=f"{kind}.delta", delta=item.arguments, **place)
    yield _event(
        "FunctionCallArgumentsDone",
        numbers,
        type=f"{kind}.done",
        arguments=item.arguments,
        name=item.name,
        **place,
    )


def _begun(item: Any) -> Any:
    if item.type == "message":
        return item.model_copy(update={"content": [], "status": "in_progress"})
    if item.type == "function_call":
        return item.model_copy(update={"arguments": "", "status": "in_progress"})
    return item


def _event(kind: str, numbers: Iterator[int], /, **members: Any) -> Any:
    """Return an event; its members were validated as parts of the answer."""
    event = getattr(responses, f"Response{kind}Event")
    return event.model_construct(sequence_number=next(numbers), **members)
