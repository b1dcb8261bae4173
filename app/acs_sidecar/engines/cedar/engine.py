"""The one place that calls the Cedar engine.

The engine's text may quote a manifest or request data: it goes to authors of manifests, and never into
the outcome of an evaluation.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import orjson
from cedarpy import PolicySet, Schema, policies_to_json_str, validate_policies

# The public `is_authorized` wraps this function and reads its answer with `json`, which takes about
# a third as long again as the decision itself.
from cedarpy._internal import Entities, is_authorized

from acs_sidecar.spec.values import Json

__all__ = [
    "EngineError",
    "Entities",
    "NestingError",
    "PolicySet",
    "Schema",
    "authorize",
    "entities_json",
    "numbered_id",
    "parse_entities",
    "parse_policies",
    "parse_policy",
    "parse_schema",
    "validation_errors",
    "with_links",
]


_T = TypeVar("_T")
_SERIALISED_PLACE = re.compile(r" at line \d+ column \d+$")


class EngineError(ValueError):
    """What the engine has to say about a source; one line."""


class NestingError(ValueError):
    """A policy whose JSON form nests too deeply to be read."""


def parse_policy(text: str) -> dict[str, Any]:
    """Parse one policy or template into the engine's JSON form.

    Raises `EngineError`, and `NestingError` for one that nests beyond what can be read.
    """
    written = _call_engine(policies_to_json_str, text)
    try:
        parsed = orjson.loads(written)
    except orjson.JSONDecodeError:
        raise NestingError from None
    found = [*parsed["staticPolicies"].values(), *parsed["templates"].values()]
    if len(found) != 1:
        raise EngineError("not a single policy")
    policy: dict[str, Any] = found[0]
    return policy


def numbered_id(position: int) -> str:
    """Return the engine's id of a policy; it numbers policies as they come in the text."""
    return f"policy{position}"


def parse_policies(text: str) -> PolicySet:
    """Parse policies; their ids are those of `numbered_id`, in order. Raises `EngineError`."""
    return _call_engine(PolicySet.from_str, text)


def with_links(
    policies: PolicySet, links: Sequence[tuple[str, str, Mapping[str, Mapping[str, str]]]]
) -> PolicySet:
    """Add linked policies: each is the engine's id of its template, its own id, and its entities by slot."""
    return policies.with_linked_batch(
        [{"template_id": template, "new_id": linked, "values": values} for template, linked, values in links]
    )


def parse_schema(source: str | Mapping[str, Json]) -> Schema:
    """Parse a schema in Cedar's syntax or, given as an object, its JSON form. Raises `EngineError`."""
    if isinstance(source, str):
        return _call_engine(Schema.from_str, source)
    try:
        return _call_engine(Schema.from_json_str, orjson.dumps(source).decode())
    except EngineError as error:
        # Lines and columns are those of a text that nobody has seen.
        raise EngineError(_SERIALISED_PLACE.sub("", str(error))) from None


def parse_entities(entities: list[Json], schema: Schema | None) -> Entities:
    """Parse entities, which must conform to the schema if there is one. Raises `EngineError`.

    With a schema its actions, and which groups they are in, are among the entities.
    """
    return _call_engine(Entities.from_json_str, orjson.dumps(entities).decode(), schema)


def entities_json(entities: Entities) -> list[dict[str, Any]]:
    """Return parsed entities in the engine's JSON form."""
    listed: list[dict[str, Any]] = orjson.loads(str(entities))
    return listed


def validation_errors(policies: str, schema: Schema) -> list[tuple[str, str]]:
    """Validate policies: the id of each wrong policy and what is wrong with it."""
    return [(error.policy_id, _one_line(error.error)) for error in validate_policies(policies, schema).errors]


def authorize(
    policies: PolicySet,
    entities: Entities,
    *,
    principal: Mapping[str, str],
    action: Mapping[str, str],
    resource: Mapping[str, str],
    context: Json,
) -> dict[str, Any]:
    """Decide one request. Gives the engine's answer: `decision` and `diagnostics`.

    `NoDecision` and anything in `diagnostics.errors` mean that the request was not decided.
    """
    request = {
        "principal": principal,
        "action": action,
        "resource": resource,
        "context": orjson.dumps(context).decode(),
    }
    answer: dict[str, Any] = orjson.loads(is_authorized(request, policies, entities, None, False))
    return answer


def _call_engine(parse: Callable[..., _T], *arguments: object) -> _T:
    try:
        return parse(*arguments)
    except ValueError as error:
        raise EngineError(_one_line(str(error))) from None


def _one_line(text: str) -> str:
    return " ".join(text.split())
