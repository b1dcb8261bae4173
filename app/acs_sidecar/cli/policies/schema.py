"""`acs-sidecar schema`: the manifest as a JSON Schema."""

import sys

import orjson

from acs_sidecar.manifests.member_tables import installed_members
from acs_sidecar.manifests.schema import manifest_schema

__all__ = ["schema"]


def schema() -> None:
    """Print the JSON Schema of the manifest, for editors; the service gives it at /v1/manifest.schema.json.

    An editor with the YAML language server uses it where a manifest begins with
    `# yaml-language-server: $schema=manifest.schema.json`.
    """
    options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    sys.stdout.write(orjson.dumps(manifest_schema(installed_members()), option=options).decode())
