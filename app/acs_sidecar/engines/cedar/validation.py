"""Policies and links against a schema, with the place of each error (sections 1.7, 1.7.1)."""

import re
from collections.abc import Sequence

from acs_sidecar.engines.cedar import engine
from acs_sidecar.engines.cedar.definition import JsonSource
from acs_sidecar.engines.cedar.schema.source import CompiledSchema
from acs_sidecar.engines.cedar.source import CedarStatement
from acs_sidecar.engines.findings import SourceLocation, finding, too_large
from acs_sidecar.spec.manifest.diagnostics import ManifestError

__all__ = ["MAX_VALIDATION", "validate_links", "validate_statements"]

MAX_VALIDATION = 200_000_000
"""Characters of policies times request types of a schema: some 5 s of the engine's time."""

_BLAME = re.compile(r"^for policy `policy\d+`, ")
"""How the engine's messages begin: with a number, whatever the `@id` of the policy is."""


def validate_statements(cut: Sequence[CedarStatement], names: Sequence[str], schema: CompiledSchema) -> None:
    """Raise `ManifestError` unless all policies and templates fit the schema; `names` are theirs."""
    errors = _errors([statement.text for statement in cut], schema)
    if errors is None:
        raise _too_large(SourceLocation(cut[0].at.path))
    if errors:
        raise ManifestError(
            [
                finding(
                    "cedar-policy-invalid",
                    f"policy `{names[position]}`: {_BLAME.sub('', message)}",
                    cut[position].place_of(message),
                )
                for position, message in errors
            ]
        )


def validate_links(linked: Sequence[tuple[str, str]], schema: CompiledSchema, source: JsonSource) -> None:
    """Raise `ManifestError` unless all linked policies fit the schema: the id of each link, and its text.

    The engine validates templates without their links.
    """
    errors = _errors([text for _, text in linked], schema)
    if errors is None:
        raise _too_large(source.at)
    if errors:
        raise ManifestError(
            [
                finding(
                    "cedar-policy-invalid",
                    f"link `{linked[position][0]}`: {_BLAME.sub('', message)}",
                    source.item(position),
                )
                for position, message in errors
            ]
        )


def _errors(texts: Sequence[str], schema: CompiledSchema) -> list[tuple[int, str]] | None:
    """Return position and message of each error, or `None` where finding them takes too long."""
    text = "\n".join(texts)
    if len(text) * schema.declarations.environments() > MAX_VALIDATION:
        return None
    positions = {engine.numbered_id(position): position for position in range(len(texts))}
    return sorted(
        (positions.get(policy_id, 0), message)
        for policy_id, message in engine.validation_errors(text, schema.handle)
    )


def _too_large(at: SourceLocation) -> ManifestError:
    return too_large("the schema lets actions apply to too many types for so many policies", at)
