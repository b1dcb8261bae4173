"""Shared steps of the readers: members of objects, their types, and the findings about them (section 7.2)."""

import difflib
from collections.abc import Iterable

from acs_sidecar.engines.adapters.agt_rules.documents.places import Place
from acs_sidecar.engines.findings import finding, warning
from acs_sidecar.spec.manifest.diagnostics import Diagnostic
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["Findings", "quoted"]


class Findings:
    """What is wrong with the documents of a policy, and what is remarked upon."""

    def __init__(self) -> None:
        self.errors: list[Diagnostic] = []
        self.warnings: list[Diagnostic] = []

    def error(self, code: str, message: str, at: Place, offset: int | None = None) -> None:
        """Add an error, at a character of the member's text where `offset` is given."""
        self.errors.append(finding(code, message, at.at(offset)))

    def warn(self, code: str, message: str, at: Place) -> None:
        """Add a lint."""
        self.warnings.append(warning(code, message, at.at()))

    def unknown_members(self, given: JsonObject, known: Iterable[str], at: Place) -> None:
        """Add an error for each member that is not known, with the nearest that is."""
        known = list(known)
        for name in given:
            if name in known:
                continue
            near = difflib.get_close_matches(name[:64], known, 1, 0.5)
            hint = f", did you mean `{near[0]}`?" if near else ""
            listed = ", ".join(f"`{each}`" for each in sorted(known))
            self.error(
                "member-unknown", f"unknown member `{name[:64]}`{hint}; known are {listed}", at.member(name)
            )

    def text(self, given: JsonObject, name: str, at: Place) -> str | None:
        """Return a text, or `None` where it is absent or no text."""
        value = given.get(name)
        if value is not None and not isinstance(value, str):
            self.error("wrong-type", "must be a text", at.member(name))
            return None
        return value

    def name(self, given: JsonObject, at: Place) -> str:
        """Return the member `name`, which must be there."""
        value = given.get("name")
        if value is None:
            self.error("member-missing", "`name` is missing", at)
            return ""
        if not isinstance(value, str):
            self.error("wrong-type", "must be a text", at.member("name"))
            return ""
        if not 1 <= len(value.encode()) <= 128 or any(
            ord(character) < 32 or ord(character) == 127 for character in value
        ):
            message = "must have 1 to 128 bytes and no control characters"
            self.error("value-not-allowed", message, at.member("name"))
        return value

    def texts(self, given: JsonObject, name: str, at: Place) -> tuple[str, ...]:
        """Return a list of texts, or one text as such a list."""
        value = given.get(name)
        if value is None:
            return ()
        items: list[Json] = value if isinstance(value, list) else [value]
        if not all(isinstance(item, str) and item for item in items):
            self.error("wrong-type", "must be a text or a list of texts", at.member(name))
            return ()
        return tuple(str(item) for item in items)

    def choice(self, given: JsonObject, name: str, allowed: Iterable[str], default: str, at: Place) -> str:
        """Return a text that is one of `allowed`."""
        allowed = list(allowed)
        value = given.get(name, default)
        if isinstance(value, str) and value in allowed:
            return value
        near = difflib.get_close_matches(str(value)[:64], allowed, 1, 0.5)
        hint = f", did you mean `{near[0]}`?" if near else ""
        code = "value-not-allowed" if isinstance(value, str) else "wrong-type"
        self.error(
            code,
            f"{quoted(value)} is not allowed{hint}; must be one of {', '.join(map(quoted, allowed))}",
            at.member(name),
        )
        return default

    def flag(self, given: JsonObject, name: str, default: bool, at: Place) -> bool:
        """Return a boolean."""
        value = given.get(name, default)
        if isinstance(value, bool):
            return value
        self.error(
            "wrong-type", f"{quoted(value)} is not a boolean: write `true` or `false`", at.member(name)
        )
        return default


def quoted(value: Json) -> str:
    """Return a value as a message shows it."""
    return f"`{str(value)[:64]}`"
