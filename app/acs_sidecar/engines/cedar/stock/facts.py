"""What the policies of the stock library read of a request: `context.agt` (section 8.1).

Cedar can neither ask for the type of a value nor read an address or a path of a configuration. So each
section that holds has a member here, with values of known types, numbers in ten-thousandths; what is decided
about them stands in the policies.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from acs_sidecar.detectors.egress import MAX_HOSTS
from acs_sidecar.engines.cedar.stock.numbers import ten_thousandths
from acs_sidecar.engines.cedar.uids import Given
from acs_sidecar.engines.stock.sections import (
    COUNTERS,
    LABEL_PATHS,
    MCP_METHODS,
    destination_paths,
    is_of_call,
)
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["SectionFacts", "at", "section_facts"]

SectionFacts: TypeAlias = Callable[[Given, Mapping[str, Json]], dict[str, Json] | None]
"""Gives the member of a section from the policy input and what it holds to; `None` where it has none."""

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
_NO_TEXT = ""


def at(value: Json, path: Iterable[Json]) -> Json:
    """Return what is at a path; `None` where nothing is."""
    for segment in path:
        if isinstance(value, dict) and isinstance(segment, str):
            value = value.get(segment)
        elif isinstance(value, list) and isinstance(segment, int) and 0 <= segment < len(value):
            value = value[segment]
        else:
            return None
    return value


def section_facts(section: str, config: JsonObject, point: InterventionPoint) -> SectionFacts:
    """Return what gives the member of a section at a point; `config` is that of the section."""
    match section:
        case "ifc":
            return _ifc(_label_path(config, point))
        case "confidence":
            return _score(("annotations", "confidence", "score"))
        case "drift":
            return _score(("annotations", "drift_score"))
        case "budgets":
            return _budgets
        case "content_hash":
            return _content_hash(required=config.get("require") is True)
        case "mcp":
            return _mcp(config)
        case "egress":
            return _egress(config, point)
        case "patterns":
            return _patterns
        case "redact":
            return _redact
        case "approval":
            return _approval
    raise ValueError(section)


def _label_path(config: JsonObject, point: InterventionPoint) -> list[Json]:
    paths = config.get("label_paths")
    if not isinstance(paths, dict):
        paths = {where.value: [*path] for where, path in LABEL_PATHS}
    path = paths[point.value]
    return path if isinstance(path, list) else []


def _ifc(path: list[Json]) -> SectionFacts:
    def facts(given: Given, limits: Mapping[str, Json]) -> dict[str, Json]:
        found = at(dict(given), path)
        labels: list[Json] = []
        if isinstance(found, list):
            labels = [one if isinstance(one, str) else _NO_TEXT for one in found]
        return {"labels": labels, "clearance": limits["clearance"]}

    return facts


def _score(path: tuple[str, ...]) -> SectionFacts:
    def facts(given: Given, limits: Mapping[str, Json]) -> dict[str, Json]:
        value = at(dict(given), path)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return {**limits, "score": ten_thousandths(value)}
        return dict(limits)

    return facts


def _budgets(given: Given, limits: Mapping[str, Json]) -> dict[str, Json]:
    kept = at(given["snapshot"], ("envelope", "budgets"))
    counters: dict[str, Json] = {}
    invalid: list[Json] = []
    for name in COUNTERS:
        if not isinstance(kept, dict) or name not in kept:
            continue
        value = kept[name]
        if not isinstance(value, int | float) or isinstance(value, bool) or value < 0:
            invalid.append(name)
        elif name in limits:
            counters[name] = ten_thousandths(value)
    missing: list[Json] = [name for name in limits if name not in counters]
    return {"counters": counters, "invalid": invalid, "missing": missing, "limits": dict(limits)}


def _content_hash(*, required: bool) -> SectionFacts:
    def facts(given: Given, limits: Mapping[str, Json]) -> dict[str, Json]:
        tool = given["tool"]
        declared: list[Json] = [limits["declared"]] if "declared" in limits else []
        malformed = False
        if isinstance(tool, dict) and "content_hash" in tool:
            malformed = not isinstance(tool["content_hash"], str)
            if not malformed:
                declared.append(tool["content_hash"])
        found: dict[str, Json] = {"declared": declared, "malformed": malformed, "required": required}
        if isinstance(observed := at(given["snapshot"], ("tool_call", "content_hash")), str):
            found["observed"] = observed
        return found

    return facts


def _mcp(config: JsonObject) -> SectionFacts:
    sufficient = config.get("auth", [*MCP_METHODS[:-1]])
    require_tls = config.get("require_tls", True)

    def facts(given: Given, _limits: Mapping[str, Json]) -> dict[str, Json] | None:
        tool = given["tool"]
        if not isinstance(tool, dict) or "mcp_origin" not in tool:
            return None
        origin = tool["mcp_origin"]
        method = origin.get("auth", MCP_METHODS[-1]) if isinstance(origin, dict) else MCP_METHODS[-1]
        return {
            "auth": method if isinstance(method, str) else _NO_TEXT,
            "sufficient": sufficient,
            "require_tls": require_tls,
            "secure": isinstance(origin, dict) and _is_secure(origin),
        }

    return facts


def _is_secure(origin: Mapping[str, Json]) -> bool:
    url = origin.get("url")
    if url is None:
        return origin.get("transport") == "stdio"
    if not isinstance(url, str):
        return False
    lowered = url.lower()
    if lowered.startswith("https://"):
        return True
    authority = lowered.removeprefix("http://").split("/")[0]
    host, _, port = (
        authority.rpartition(":") if authority.rstrip("0123456789").endswith(":") else (authority, "", "")
    )
    return lowered.startswith("http://") and host in _LOOPBACK and port.isascii()


def _egress(config: JsonObject, point: InterventionPoint) -> SectionFacts:
    configured = "allowlist" in config
    of_result = point is InterventionPoint.POST_TOOL_CALL
    expected = [path for path in destination_paths(config) if not (of_result and is_of_call(path))]
    tools = [] if of_result else config.get("required_for", [])

    def facts(given: Given, limits: Mapping[str, Json]) -> dict[str, Json] | None:
        if not configured and not limits:
            return None
        found = at(given["annotations"], ("stock_egress",))
        hosts, categories = at(found, ("hosts",)), at(found, ("categories",))
        readable = _are_texts(hosts) and _are_texts(categories)
        if not isinstance(hosts, list) or not isinstance(categories, list) or not readable:
            hosts, categories = [], []
        whole = dict(given)
        tool = at(given["tool"], ("name",))
        return {
            **limits,
            "readable": readable and len(hosts) < MAX_HOSTS,
            "hosts": hosts,
            "categories": categories if configured else [one for one in categories if one != "not_allowed"],
            "expected": any(at(whole, path) is not None for path in expected)
            or (isinstance(tools, list) and tool in tools),
        }

    return facts


def _are_texts(value: Json) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _patterns(given: Given, _limits: Mapping[str, Json]) -> dict[str, Json]:
    return {"clear": at(given["annotations"], ("stock_patterns", "flagged")) is False}


def _redact(given: Given, _limits: Mapping[str, Json]) -> dict[str, Json]:
    found = at(given["annotations"], ("stock_redact",))
    return {
        "found": at(found, ("flagged",)) is not False,
        "redacted": isinstance(found, dict) and "redacted" in found,
    }


def _approval(_given: Given, _limits: Mapping[str, Json]) -> dict[str, Json]:
    return {}
