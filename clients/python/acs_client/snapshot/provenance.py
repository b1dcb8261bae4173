"""Where a session's data came from (section 12.4): texts of the user, results of tools, origins of labels."""

import threading
from collections.abc import Iterable, Mapping
from typing import Any

from acs_client.decision import Decision
from acs_client.errors import ConfigurationError
from acs_client.values import encode, to_json

__all__ = ["Provenance"]

_LEAST = 256  # of bytes: less has no place for the member itself


class Provenance:
    """Keeps what a policy needs to say where a value stands; the member never takes more than `bound` bytes.

    With a bound of 0 nothing is kept. Texts and results are kept whole or not at all, for a part of one could
    be another value: the oldest results go first, then the oldest texts of the user, then the origins of
    labels. What is gone counts in `dropped`, and is found nowhere.
    """

    def __init__(self, bound: int, labels: Iterable[str]) -> None:
        if type(bound) is not int or (bound != 0 and bound < _LEAST):
            raise ConfigurationError(f"`provenance` is a number of bytes, 0 or at least {_LEAST}")
        self._bound = bound
        self._lock = threading.Lock()
        self._texts: list[str] = []
        self._results: list[dict[str, Any]] = []
        self._origins: dict[str, list[str]] = {label: ["session"] for label in labels} if bound else {}
        self._dropped = 0

    def record(self, members: Mapping[str, Any], decision: Decision) -> None:
        """Remember what went through a point: `members` are those of its snapshot, `decision` the permit."""
        if not self._bound:
            return
        point = decision.point
        labels = list(decision.result_labels) if decision.policy_id is not None else []
        with self._lock:
            if point == "input" and members["input"]["source"] == "user":
                self._texts += _texts_of(decision.value)
            elif point == "post_tool_call":
                self._results.append(_result(members, decision.value, labels))
                point = f"{point}:{members['tool_call']['name']}"
            for label in labels:
                if point not in (origins := self._origins.setdefault(label, [])):
                    origins.append(point)
            self._fit()

    def member(self, labels: Iterable[str]) -> dict[str, Any] | None:
        """Return the member of a snapshot whose data has `labels`, or `None` when the session keeps none."""
        if not self._bound:
            return None
        with self._lock:
            origins = {label: list(self._origins.get(label, ())) for label in labels}
            return {
                "user": list(self._texts),
                "tools": list(self._results),
                "labels": {label: found for label, found in origins.items() if found},
                "dropped": self._dropped,
            }

    def export(self) -> dict[str, Any]:
        """Return the state as JSON."""
        with self._lock:
            return self._whole()

    def restore(self, exported: Mapping[str, Any]) -> None:
        """Restore the state that `export` gave, as far as the bound allows."""
        if not self._bound:
            return
        with self._lock:
            self._texts = list(exported["user"])
            self._results = list(exported["tools"])
            self._origins = {label: list(origins) for label, origins in exported["labels"].items()}
            self._dropped = int(exported["dropped"])
            self._fit()

    def _whole(self) -> dict[str, Any]:
        return {
            "user": list(self._texts),
            "tools": list(self._results),
            "labels": dict(self._origins),
            "dropped": self._dropped,
        }

    def _fit(self) -> None:
        """Drop what is oldest until the member fits."""
        spare = self._bound - len(encode(self._whole())) - 8  # digits of `dropped` that may be added
        while spare < 0 and (self._results or self._texts):
            gone: Any = self._results.pop(0) if self._results else self._texts.pop(0)
            self._dropped += 1
            spare += len(encode(gone))
        if spare < 0:
            self._dropped += len(self._origins)
            self._origins = {}


def _texts_of(body: Any) -> list[str]:
    """Return the texts of what a user sent: a text, or parts of which some are texts."""
    if isinstance(body, str):
        return [body]
    parts = body if isinstance(body, list) else [body]
    texts = (part.get("text") if isinstance(part, dict) else part for part in parts)
    return [text for text in texts if isinstance(text, str)]


def _result(members: Mapping[str, Any], value: Any, labels: list[str]) -> dict[str, Any]:
    call, error = members["tool_call"], members["tool_result"]["error"]
    named = {"id": call["id"]} if "id" in call else {}
    given = value if error is None or value is not None else error
    return to_json({"name": call["name"], **named, "labels": labels, "value": given})  # type: ignore[no-any-return]  # an object
