"""The members of a `rego` policy (section 1.7)."""

from acs_sidecar.engines.stock.members import DEFAULT_QUERY, STOCK_MEMBERS
from acs_sidecar.spec.manifest.declaration import Member, MemberTable
from acs_sidecar.spec.values import JsonObject

__all__ = ["BIND_MEMBERS", "MEMBERS", "ORIGINS", "with_default_query"]

MEMBERS: MemberTable = {
    "type": Member("Evaluated by the Rego engine.", {"const": "rego"}, fixed=True),
    "query": Member(
        "The rule that decides: `data.agent.verdict`. A binding may give its own. Of a `library`, its verdict by default."
    ),
    "bundle": Member(
        "A `.rego` file, a directory, or a `.tar.gz`: an OPA bundle. Relative to the manifest.",
        {"type": ["string", "null"]},
        file=True,
        fixed=True,
    ),
    "bundle_url": Member(
        "The HTTPS URL of a bundle, with the hash of its bytes: `{url, sha256}`.", fetched=True, fixed=True
    ),
    "modules": Member(
        "Rego text by module name, for a manifest that stands alone.",
        {
            "anyOf": [
                {"type": "object", "additionalProperties": {"type": "string", "pattern": r"\S"}},
                {"type": "string", "pattern": r"^\s*$"},
                {"type": "null"},
            ]
        },
        fixed=True,
    ),
    "data": Member(
        "The document below `data`: an object, or paths of `.rego`, JSON and YAML files.",
        {"type": ["object", "string", "array", "null"]},
        file=True,
    ),
    "data_paths": Member(
        "Paths of further `.rego`, JSON and YAML files.", {"type": ["string", "array", "null"]}, file=True
    ),
    "rego_version": Member(
        "The version of modules that state none; 1 by default.", {"enum": [0, 1]}, fixed=True
    ),
    **STOCK_MEMBERS,
}

BIND_MEMBERS: MemberTable = {"query": MEMBERS["query"]}
"""What is read when the policy is bound to a point."""

ORIGINS = ("bundle", "bundle_url", "modules")
"""Where the modules come from: exactly one of these, or none beside a `library`."""


def with_default_query(definition: JsonObject) -> JsonObject:
    """Return a definition with the query of its library, where it has a library and no query."""
    query = definition.get("query")
    if "library" not in definition or (query is not None and str(query).strip()):
        return definition
    return {**definition, "query": DEFAULT_QUERY}
