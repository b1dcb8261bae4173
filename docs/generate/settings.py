"""The pages of settings and of limits (sections 1.11 and 2.6)."""

from typing import Any

from acs_sidecar.settings.tree import LIMIT_PREFIX, PREFIX, Settings
from acs_sidecar.spec.limits import IGNORED_LIMITS, MAX_CONFIGURABLE_DEPTH, SERVER_LIMITS, Limits
from acs_sidecar.spec.manifest.members import LIMIT_MEMBERS
from docs.generate.markdown import code, paragraphs, table
from docs.generate.shapes import described

__all__ = ["limits_page", "settings_page"]


def settings_page() -> str:
    """Return the page of every setting but the limits."""
    schema = Settings.model_json_schema()
    definitions = schema["$defs"]
    rows = [
        (
            code(PREFIX + name.upper()),
            _type(shape, definitions),
            _default(shape.get("default")),
            shape.get("description", ""),
        )
        for name, shape in schema["properties"].items()
        if name != "limits"
    ]
    return paragraphs(
        "# Settings",
        "Each is an environment variable, or a member of the YAML file that `--config` names (section 2.6). An option of "
        "`acs-sidecar serve` wins over a variable, and that over the file. A list is written with commas in a variable. "
        "`acs-sidecar config` prints what is in force.",
        table(("setting", "value", "default", ""), rows),
        f"The limits of one evaluation are `{LIMIT_PREFIX}<NAME>`: [Limits](limits.md).",
    )


def limits_page() -> str:
    """Return the page of every limit, with the variable that sets it."""
    defaults = Limits()
    rows = [
        (
            code(name),
            code(LIMIT_PREFIX + name.upper()),
            code(getattr(defaults, name)),
            "no" if name in SERVER_LIMITS else "yes",
            LIMIT_MEMBERS[name].text,
        )
        for name in Limits.names()
    ]
    ignored = ", ".join(map(code, sorted(IGNORED_LIMITS)))
    return paragraphs(
        "# Limits",
        "The server's limits (section 1.11). A manifest lowers them for itself in `limits`, except those that count before it is "
        "read (warning `limit-of-server`); what is above the server's own is clamped to it (warning `limit-clamped`). "
        "A breach denies with `runtime_error:resource_limit_exceeded`, that of an annotator's output with "
        "`runtime_error:annotation_failed`, and that of `policy_timeout_ms` or `max_policy_memory_bytes` with "
        "`runtime_error:policy_invocation_failed`; the detail names the limit.",
        table(("limit", "setting", "default", "a manifest lowers it", ""), rows),
        f"`max_policy_input_depth` is at most {MAX_CONFIGURABLE_DEPTH}. {ignored} is accepted in a manifest and not enforced, "
        "since the service is stateless.",
    )


def _type(shape: dict[str, Any], definitions: dict[str, Any]) -> str:
    return described(shape, definitions)


def _default(value: object) -> str:
    match value:
        case None | []:
            return "none"
        case bool():
            return code(str(value).lower())
        case list():
            return code(",".join(map(str, value)))
        case _:
            return code(value)
