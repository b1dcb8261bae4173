"""What the streams of a run show of a model or a tool: what came of it, once that is permitted."""

from typing import Any

from langchain_core.callbacks import BaseCallbackManager
from langchain_core.runnables.config import get_callback_manager_for_config
from langchain_core.tracers._streaming import _StreamingCallbackHandler

__all__ = ["hold_streams", "is_streamed"]

_NESTED_GRAPHS = "__pregel_stream"  # where LangGraph keeps the stream that nested graphs write to


def is_streamed(config: Any) -> bool:
    """True if somebody listens to what models say in a run (`stream_mode="messages"`, `astream_events`)."""
    return any(map(_listens, get_callback_manager_for_config(config).handlers))


def hold_streams(config: Any) -> None:
    """Keep from the streams of a run what happens below `config`, where nothing is evaluated.

    That is what a model that a tool or another model asks says, what a nested graph does, and what a tool
    returned before its result was evaluated.
    """
    callbacks = config.get("callbacks")
    if isinstance(callbacks, BaseCallbackManager):
        callbacks = callbacks.copy()
        for handler in list(filter(_listens, callbacks.handlers)):
            callbacks.remove_handler(handler)
    elif callbacks is not None:
        callbacks = [handler for handler in callbacks if not _listens(handler)]
    configurable = config.get("configurable") or {}
    config["callbacks"] = callbacks
    config["configurable"] = {name: held for name, held in configurable.items() if name != _NESTED_GRAPHS}


def _listens(handler: Any) -> bool:
    return isinstance(handler, _StreamingCallbackHandler)
