"""The configuration of the stock library as JSON Schema, for editors."""

from typing import Any

from acs_sidecar.engines.stock.sections import SECTIONS, StockSection

__all__ = ["config_schema"]


def config_schema() -> dict[str, Any]:
    """Return the schema (draft 2020-12) of `config`."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration of the stock library",
        "description": "Each section that is there is on; the first that speaks decides.",
        "type": "object",
        "minProperties": 1,
        "additionalProperties": False,
        "properties": {name: _section(section) for name, section in SECTIONS.items()},
    }


def _section(section: StockSection) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "description": section.text,
        "type": "object",
        "additionalProperties": False,
        "properties": {name: member.schema for name, member in section.table.items()},
    }
    if section.required:
        schema["required"] = [*section.required]
    if section.any_of:
        schema["anyOf"] = [{"required": [name]} for name in sorted(section.any_of)]
    return schema
