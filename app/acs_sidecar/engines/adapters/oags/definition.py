"""The members of a policy, read and checked (section 9.4)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from acs_sidecar.engines.adapters.oags.actions import ACTION_MEMBERS, ActionTemplate, ActionType, is_complete
from acs_sidecar.engines.adapters.oags.document.reader import normal_id
from acs_sidecar.engines.adapters.oags.enforcement import PathReading
from acs_sidecar.engines.adapters.oags.identity.signing import is_public_key
from acs_sidecar.engines.adapters.oags.matching.paths import is_relative, read_path
from acs_sidecar.engines.adapters.oags.members import MEMBERS, PATH_DEFAULTS
from acs_sidecar.engines.findings import SourceLocation, finding, warning
from acs_sidecar.spec.document.member_path import member_path
from acs_sidecar.spec.document.suggestions import unknown_members
from acs_sidecar.spec.manifest.diagnostics import Diagnostic
from acs_sidecar.spec.path import Path, PathSyntaxError, parse_path
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["PolicyDefinition", "read_definition"]

_PATHS = (*PATH_DEFAULTS, "model", "provider")
_LOST_DOLLAR = re.compile(r"(?:policy_target|snap)(?:[.\[]|$)")
_DOTTED = ("domain", "service")
"""Members whose own names may well begin with `snap.`; without a list that has it, such a text is denied."""


@dataclass(slots=True)
class PolicyDefinition:
    """What a policy says besides its document; `paths` are those that it sets."""

    reading: PathReading = field(default_factory=PathReading)
    warns_only: bool = False
    on_drift: str = "deny"
    expected_id: str | None = None
    compare_declared: bool = True
    require_inputs: bool = False
    signers: Mapping[str, str] = field(default_factory=dict)
    actions: Mapping[str, tuple[ActionTemplate, ...]] = field(default_factory=dict)
    paths: Mapping[str, Path] = field(default_factory=dict)
    errors: list[Diagnostic] = field(default_factory=list)
    warnings: list[Diagnostic] = field(default_factory=list)

    def path(self, name: str, default: str | None = None) -> Path:
        """Return where a value is read."""
        return self.paths.get(name) or parse_path(default or PATH_DEFAULTS[name])


def read_definition(path: str, definition: JsonObject) -> PolicyDefinition:
    """Read the members of a policy; what is wrong is in `errors`."""
    read = PolicyDefinition()
    reader = _DefinitionReader(path, definition, read)
    read.warns_only = reader.choice("mode", "enforce") == "warn"
    read.on_drift = reader.choice("on_drift", "deny")
    read.compare_declared = reader.choice("declared_id", "compare") == "compare"
    read.require_inputs = reader.flag("require_inputs")
    read.expected_id = reader.expected_id()
    read.signers = reader.signers()
    read.reading = reader.reading()
    read.actions = reader.actions()
    read.paths = reader.paths()
    return read


@dataclass(frozen=True, slots=True)
class _DefinitionReader:
    path: str
    definition: JsonObject
    read: PolicyDefinition

    def error(self, code: str, message: str, *members: str | int) -> None:
        inner = member_path(members)
        self.read.errors.append(finding(code, message, SourceLocation(f"{self.path}.{inner}")))

    def choice(self, name: str, default: str) -> str:
        allowed = MEMBERS[name].shape["enum"]
        value = self.definition.get(name, default)
        if isinstance(value, str) and isinstance(allowed, list) and value in allowed:
            return value
        listed = ", ".join(f"`{each}`" for each in allowed) if isinstance(allowed, list) else ""
        self.error("value-not-allowed", f"must be one of {listed}", name)
        return default

    def flag(self, name: str) -> bool:
        value = self.definition.get(name, False)
        if not isinstance(value, bool):
            self.error("wrong-type", "must be `true` or `false`", name)
        return value is True

    def expected_id(self) -> str | None:
        if "expected_id" not in self.definition:
            return None
        expected_id = self.definition["expected_id"]
        found = normal_id(expected_id) if isinstance(expected_id, str) else None
        if found is None:
            self.error("value-not-allowed", "must be an id: 64 lower-case hex digits", "expected_id")
        elif found != expected_id:
            at = SourceLocation(f"{self.path}.expected_id")
            message = "write the 64 digits alone, without a prefix"
            self.read.warnings.append(warning("oags-id-prefix", message, at))
        return found

    def signers(self) -> Mapping[str, str]:
        signers = self.definition.get("signers", {})
        if not isinstance(signers, dict):
            self.error("wrong-type", "must map names to public keys", "signers")
            return {}
        if "signers" in self.definition and not signers:
            self.error("value-not-allowed", "must name a key, or be left out", "signers")
        found = {}
        for name, key in signers.items():
            if isinstance(key, str) and is_public_key(key):
                found[name] = key
            else:
                message = "must be an Ed25519 public key: 64 hex digits"
                self.error("value-not-allowed", message, "signers", name)
        return found

    def reading(self) -> PathReading:
        root = None
        if "root" in self.definition:
            declared = self.definition["root"]
            text = declared if isinstance(declared, str) else ""
            root = None if is_relative(text) else read_path(text, None)
            if root is None:
                self.error("value-not-allowed", "must be an absolute path", "root")
        return PathReading(
            root,
            require_resolved=self.choice("symlinks", "lexical") == "require_resolved",
            all_below=self.choice("directories", "exact") == "below",
        )

    def paths(self) -> Mapping[str, Path]:
        found = {}
        for name in _PATHS:
            if name not in self.definition:
                continue
            path = self.definition[name]
            try:
                found[name] = parse_path(path if isinstance(path, str) else "")
            except PathSyntaxError as error:
                self.error("path-syntax", str(error), name)
        return found

    def actions(self) -> Mapping[str, tuple[ActionTemplate, ...]]:
        actions = self.definition.get("actions", {})
        if not isinstance(actions, dict):
            self.error("wrong-type", "must map tools to lists of actions", "actions")
            return {}
        found = {}
        for tool, listed in actions.items():
            if not isinstance(listed, list):
                self.error("wrong-type", "must be a list of actions; `[]` for none", "actions", tool)
                continue
            templates = [self._action(action, tool, index) for index, action in enumerate(listed)]
            found[tool] = tuple(template for template in templates if template is not None)
        return found

    def _action(self, template: Json, tool: str, index: int) -> ActionTemplate | None:
        at = ("actions", tool, index)
        if not isinstance(template, dict):
            self.error("wrong-type", "must be an action, an object with a `type`", *at)
            return None
        kind = template.get("type")
        if not isinstance(kind, str) or kind not in set(ActionType):
            listed = ", ".join(f"`{each}`" for each in ActionType)
            self.error("value-not-allowed", f"must be one of {listed}", *at, "type")
            return None
        action = ActionType(kind)
        members = {name: value for name, value in template.items() if name != "type"}
        before = len(self.read.errors)
        values = {name: self._value(value, *at, name) for name, value in members.items()}
        for name, message in unknown_members(members, ACTION_MEMBERS[action]):
            self.error("member-unknown", message, *at, name)
        if len(self.read.errors) == before and not is_complete(members):
            if action is ActionType.NETWORK_ACCESS:
                message = "must have either `url`, or `domain` with its `protocol`"
            else:
                message = f"must have `{ACTION_MEMBERS[action][0]}`"
            self.error("member-missing", message, *at)
        return ActionTemplate(action, values) if len(self.read.errors) == before else None

    def _value(self, value: Json, *at: str | int) -> str | Path:
        """Return a text, or the path of one; `$$` at the beginning is a dollar."""
        if not isinstance(value, str):
            self.error("wrong-type", "must be a text, or the path of one", *at)
            return ""
        if value.startswith("$$"):
            return value[1:]
        if not value.startswith("$"):
            if _LOST_DOLLAR.match(value) and at[-1] not in _DOTTED:
                message = f"is the same text for every call: write `${value[:64]}` for the value at that path"
                self.error("path-syntax", message, *at)
            return value
        try:
            return parse_path(value)
        except PathSyntaxError as error:
            self.error("path-syntax", str(error), *at)
            return ""
