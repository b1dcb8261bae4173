"""What sections of the stock library hold to: the configuration, and attributes of entities (section 8.1)."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TypeAlias

from acs_sidecar.detectors.hosts import normal_host
from acs_sidecar.engines.cedar import engine
from acs_sidecar.engines.cedar.stock.numbers import MAX_NUMBER, fits, ten_thousandths
from acs_sidecar.engines.findings import SourceLocation, finding
from acs_sidecar.engines.stock.config import CONFIG_FAULT
from acs_sidecar.engines.stock.sections import COUNTERS, LABELS
from acs_sidecar.spec.manifest.diagnostics import Diagnostic, ManifestError
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["ATTRIBUTES", "Limits", "limits_of_config", "limits_of_entities"]

Limits: TypeAlias = Mapping[str, Mapping[str, Json]]
"""Section → member → value, in the engine's form. A section that is not there is off."""

_NUMBERS: tuple[tuple[str, str], ...] = (("confidence", "min_score"), ("drift", "warn_threshold"))
_MESSAGE = f"must have at most four digits behind the point, and be at most {MAX_NUMBER}, in a `cedar` policy"


def _number(value: Json) -> Json:
    """Return a `Long` or `decimal` in ten-thousandths; `None` for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return ten_thousandths(value) if fits(value) else None
    inner = value.get("__extn") if isinstance(value, dict) else None
    if not isinstance(inner, dict) or inner.get("fn") != "decimal":
        return None
    return ten_thousandths(Decimal(str(inner["arg"])))


def _texts(value: Json) -> Json:
    return value if isinstance(value, list) and all(isinstance(one, str) and one for one in value) else None


def _hosts(value: Json) -> Json:
    if not isinstance(value, list):
        return None
    hosts: list[Json] = [normal_host(one) if isinstance(one, str) else "" for one in value]
    return hosts if all(isinstance(one, str) and one and "*" not in one for one in hosts) else None


def _text(value: Json) -> Json:
    return value if isinstance(value, str) else None


_Read: TypeAlias = Callable[[Json], Json]
ATTRIBUTES: Mapping[str, tuple[str, str, _Read, str]] = {
    "max_tool_calls": ("budgets", "tool_call_count", _number, "a number"),
    "max_tokens": ("budgets", "token_count", _number, "a number"),
    "security_labels": (
        "egress",
        "allowlist",
        _hosts,
        "a set of hosts; write `*.x` in `config.egress.allowlist`",
    ),
    "clearance_dominated_labels": ("ifc", "clearance", _texts, "a set of texts that are not empty"),
    "min_confidence": ("confidence", "min_score", _number, "a number"),
    "drift_threshold": ("drift", "warn_threshold", _number, "a number"),
    "content_hash": ("content_hash", "declared", _text, "a text"),
    "approvers": ("approval", "approvers", _texts, "a set of texts that are not empty"),
}
"""Attribute of a resource → the section and member that it is, how it is read, and what it must be."""


def limits_of_config(path: str, config: JsonObject) -> dict[str, dict[str, Json]]:
    """Return what a configuration holds its sections to. Raises `ManifestError` for finer numbers."""
    limits: dict[str, dict[str, Json]] = {name: {} for name in config}
    faults = []
    for section, member in (*(("budgets", name) for name in COUNTERS), *_NUMBERS):
        given = config.get(section)
        value = given.get(member) if isinstance(given, dict) else None
        if not isinstance(value, int | float):
            continue
        if not fits(value):
            faults.append(finding(CONFIG_FAULT, _MESSAGE, SourceLocation(f"{path}.{section}.{member}")))
            continue
        limits[section][member] = ten_thousandths(value)
    if faults:
        raise ManifestError(faults)
    if isinstance(approval := config.get("approval"), dict) and approval.get("approvers"):
        limits["approval"]["approvers"] = approval["approvers"]
    if isinstance(ifc := config.get("ifc"), dict):
        limits["ifc"]["clearance"] = [*LABELS[: LABELS.index(str(ifc["sink_clearance"])) + 1]]
    return limits


def limits_of_entities(
    entities: engine.Entities, base: Limits, at: SourceLocation
) -> dict[tuple[str, str], dict[str, dict[str, Json]]]:
    """Return by type and id what entities with attributes of the library hold their sections to.

    What the configuration says holds as well: the stricter one counts. Raises `ManifestError`.
    """
    faults: list[Diagnostic] = []
    found: dict[tuple[str, str], dict[str, dict[str, Json]]] = {}
    for entity in engine.entities_json(entities):
        uid = (entity["uid"]["type"], entity["uid"]["id"])
        limits = {section: dict(members) for section, members in base.items()}
        named = [name for name in ATTRIBUTES if name in entity["attrs"]]
        for name in named:
            section, member, read, wanted = ATTRIBUTES[name]
            value = read(entity["attrs"][name])
            if value is None:
                message = f'the attribute `{name}` of `{uid[0]}::"{uid[1]}"` must be {wanted}'
                faults.append(finding(CONFIG_FAULT, message, at))
                continue
            here = limits.setdefault(section, {})
            here[member] = _stricter(section, here[member], value) if member in here else value
        if named:
            found[uid] = limits
    if faults:
        raise ManifestError(faults)
    return found


def _stricter(section: str, one: Json, other: Json) -> Json:
    if isinstance(one, list) and isinstance(other, list):
        return [value for value in one if value in other]
    pair = [value for value in (one, other) if isinstance(value, int)]
    return max(pair) if section == "confidence" else min(pair)
