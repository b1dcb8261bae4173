"""The members of a `rego` policy, each with its shape as JSON Schema (section 1.7)."""

from acs_sidecar.spec.manifest.members import MemberTable

__all__ = ["MEMBERS", "ORIGINS"]

MEMBERS: MemberTable = {
    "type": {"const": "rego"},
    "query": {"description": "The rule that decides: `data.agent.verdict`. A binding may give its own."},
    "bundle": {
        "description": "A `.rego` file, a directory, or a `.tar.gz`: an OPA bundle. Relative to the manifest.",
        "type": ["string", "null"],
    },
    "bundle_url": {"description": "The HTTPS URL of a bundle, with the hash of its bytes: `{url, sha256}`."},
    "modules": {
        "description": "Rego text by module name, for a manifest that stands alone.",
        "anyOf": [
            {"type": "object", "additionalProperties": {"type": "string", "pattern": r"\S"}},
            {"type": "string", "pattern": r"^\s*$"},
            {"type": "null"},
        ],
    },
    "data": {
        "description": "The document below `data`: an object, or paths of `.rego`, JSON and YAML files.",
        "type": ["object", "string", "array", "null"],
    },
    "data_paths": {
        "description": "Paths of further `.rego`, JSON and YAML files.",
        "type": ["string", "array", "null"],
    },
    "rego_version": {"description": "The version of modules that state none; 1 by default.", "enum": [0, 1]},
}

ORIGINS = ("bundle", "bundle_url", "modules")
"""Where the modules come from: exactly one of these."""
