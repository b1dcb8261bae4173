"""`acs-sidecar schema`: the documents that people write, as JSON Schema."""

import sys
from enum import StrEnum
from typing import Any, assert_never

import orjson
import typer

from acs_sidecar.engines.adapters.agt_rules.documents.schema import document_schema
from acs_sidecar.engines.adapters.oags.document.schema import sekuire_schema
from acs_sidecar.engines.adapters.soul.report import report_schema
from acs_sidecar.engines.adapters.workspace_policy.document.schema import policy_schema
from acs_sidecar.engines.stock.schema import config_schema
from acs_sidecar.manifests.member_tables import installed_members
from acs_sidecar.manifests.schema import manifest_schema

__all__ = ["schema"]


class SchemaKind(StrEnum):
    """What a schema describes."""

    MANIFEST = "manifest"
    AGT_RULES = "agt-rules"
    OAGS = "oags"
    WORKSPACE_POLICY = "workspace-policy"
    SOUL = "soul"
    STOCK = "stock"


def schema(
    kind: SchemaKind = typer.Option(SchemaKind.MANIFEST, help="what the schema describes"),
) -> None:
    """Print a JSON Schema for editors: of the manifest, or of what policies read.

    An editor with the YAML language server uses it where a file begins with
    `# yaml-language-server: $schema=manifest.schema.json`. The service gives that of the manifest at
    /v1/manifest.schema.json.
    """
    options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    sys.stdout.write(orjson.dumps(_schema(kind), option=options).decode())


def _schema(kind: SchemaKind) -> dict[str, Any]:
    match kind:
        case SchemaKind.MANIFEST:
            return manifest_schema(installed_members())
        case SchemaKind.AGT_RULES:
            return document_schema()
        case SchemaKind.OAGS:
            return sekuire_schema()
        case SchemaKind.WORKSPACE_POLICY:
            return policy_schema()
        case SchemaKind.SOUL:
            return report_schema()
        case SchemaKind.STOCK:
            return config_schema()
        case _:
            assert_never(kind)
