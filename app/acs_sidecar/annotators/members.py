"""Reads the members of an annotator's invocation, and collects what is wrong with them."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from acs_sidecar.spec.manifest.declaration import MemberTable
from acs_sidecar.spec.manifest.diagnostics import Diagnostic, ManifestError
from acs_sidecar.spec.ports import AnnotatorContext
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["Members"]

_NAME = "must be a member name"
_FRAMING = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "host",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


class Members:
    """The members of one invocation, named `path` in diagnostics.

    `table` declares every member that may be read: another one is a `KeyError`, for what nothing declares is
    neither relocated nor refused nor redacted as it must be. Each reader gives the member, or what stands for it where it is absent or wrong; what is wrong is told at
    the end, all of it.
    """

    def __init__(
        self, path: str, invocation: JsonObject, context: AnnotatorContext, table: MemberTable
    ) -> None:
        self.context = context
        self._path = path
        self._invocation = invocation
        self._table = table
        self._findings: list[Diagnostic] = []

    def __contains__(self, name: str) -> bool:
        return name in self._declared(name)

    def check(self) -> None:
        """Raise `ManifestError` when anything was wrong."""
        if self._findings:
            raise ManifestError(self._findings)

    def wrong(self, member: str, message: str, code: str = "annotator-member-invalid") -> None:
        """Note what is wrong with a member."""
        self._findings.append(Diagnostic(code, message, f"{self._path}.{member}"))

    def value(self, name: str) -> Json:
        """Return a member unchecked, `None` if it is absent."""
        return self._declared(name).get(name)

    def text(self, name: str, default: str = "", message: str = "must be a non-blank string") -> str:
        """Read a string; an absent one is the default."""
        if name not in self:
            return default
        value = self._invocation[name]
        if isinstance(value, str) and value.strip():
            return value
        self.wrong(name, message)
        return default

    def required(self, name: str, what: str) -> str:
        """Read a string that must be there."""
        if name not in self:
            self.wrong(name, f"must be {what}")
        return self.text(name)

    def member_name(self, name: str, default: str = "") -> str:
        """Read the name of a member of something else."""
        return self.text(name, default, _NAME)

    def integer(self, name: str, default: int, lowest: int, highest: int) -> int:
        """Read an integer within bounds."""
        return self._within(name, self._declared(name).get(name, default), default, lowest, highest)

    def flag(self, name: str) -> bool:
        """Read a boolean; an absent one is false."""
        value = self._declared(name).get(name, False)
        if isinstance(value, bool):
            return value
        self.wrong(name, "must be `true` or `false`")
        return False

    def number(self, name: str, default: float | None, lowest: float, highest: float) -> float | None:
        """Read a number within bounds, or `null`."""
        value = self._declared(name).get(name, default)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not lowest <= value <= highest:
            self.wrong(name, f"must be a number from {lowest} to {highest}, or null to omit it")
            return default
        return value

    def integers(self, name: str, wanted: Mapping[str, tuple[int, int, int]]) -> tuple[int, ...]:
        """Read an object of integers: name → default, lowest, highest; in that order."""
        value = self._declared(name).get(name, {})
        if not isinstance(value, dict) or not value.keys() <= wanted.keys():
            listed = " and ".join(f"`{member}`" for member in wanted)
            self.wrong(name, f"must be an object of {listed}")
            value = {}
        return tuple(
            self._within(f"{name}.{member}", value.get(member, default), default, lowest, highest)
            for member, (default, lowest, highest) in wanted.items()
        )

    def object(self, name: str) -> dict[str, Json]:
        """Read an object; an absent one is empty."""
        value = self._declared(name).get(name, {})
        if isinstance(value, dict):
            return value
        self.wrong(name, "must be an object")
        return {}

    def texts(self, name: str) -> list[str]:
        """Read a list of strings that are not blank; an absent one is empty."""
        value = self._declared(name).get(name, [])
        texts = (
            [item for item in value if isinstance(item, str) and item.strip()]
            if isinstance(value, list)
            else []
        )
        if name in self and (not texts or texts != value):
            self.wrong(name, "must be a list of non-blank strings")
        return texts

    def headers(self) -> dict[str, str]:
        """Read `headers`: those that a request may carry besides the ones that make it one."""
        value = self._declared("headers").get("headers", {})
        if not isinstance(value, dict) or not all(_is_header(*item) for item in value.items()):
            self.wrong("headers", "must map header names to strings without line breaks")
            return {}
        for name in value:
            self._not_framing(f"headers.{name}", name)
        return {name: str(text) for name, text in value.items()}

    def header_name(self, name: str) -> str:
        """Read the name of a header; empty where there is none."""
        value = self.text(name)
        if value and not _is_header(value, ""):
            self.wrong(name, "must be a header name")
            return ""
        self._not_framing(name, value)
        return value

    def _not_framing(self, member: str, header: str) -> None:
        """Refuse a header that could make a server read another request, or take it for another host."""
        if header.lower() in _FRAMING or header.lower().startswith("proxy-"):
            self.wrong(member, f"`{header}` is set by the service and must not be given")

    def url(self, name: str) -> str:
        """Read an address; empty where there is none."""
        if name not in self:
            return ""
        value = self._invocation[name]
        if isinstance(value, str) and _is_http(value):
            return value
        self.wrong(name, "must be an http or https URL without user information and fragment")
        return ""

    def reachable(self, member: str, url: str) -> str:
        """Return the URL of `member` if this manifest is allowed to call it."""
        allow = self.context.outbound
        if url and allow is not None and not allow.allows(url):
            self.wrong(member, "not allowed by ACS_OUTBOUND_ALLOW", "inline-forbidden")
        return url

    def secret(self, name: str) -> str:
        """Read a credential: the member itself, or the environment variable that `<name>_env` names.

        Empty where neither is there. Diagnostics show the variable's name and never its value.
        """
        variable = f"{name}_env"
        if name in self and variable in self:
            self.wrong(name, f"cannot be combined with `{variable}`: set one of them")
            return ""
        if name in self:
            return self._printable(name, self.text(name))
        if variable not in self:
            return ""
        named = self.text(variable, message="must be an environment variable name")
        value = self.context.environment.get(named, "")
        if named and not value.strip():
            self.wrong(variable, f"the environment variable `{named}` is not set")
        return self._printable(variable, value)

    def _declared(self, name: str) -> JsonObject:
        """Return the invocation, in which a declared member is looked up."""
        if name not in self._table:
            raise KeyError(name)
        return self._invocation

    def _within(self, member: str, value: Json, default: int, lowest: int, highest: int) -> int:
        if isinstance(value, int) and not isinstance(value, bool) and lowest <= value <= highest:
            return value
        self.wrong(member, f"must be an integer from {lowest} to {highest}")
        return default

    def _printable(self, member: str, value: str) -> str:
        if value and not (value.isascii() and value.isprintable()):
            self.wrong(member, "the credential must be printable ASCII without line breaks")
            return ""
        return value


def _is_http(url: str) -> bool:
    """True if a URL can be called as it stands, and has one reading."""
    if not url.isascii() or any(character <= " " or character in '\\"<>^`{|}\x7f' for character in url):
        return False
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    return (
        parts.scheme in ("http", "https")
        and bool(parts.hostname)
        and port != 0
        and "@" not in parts.netloc
        and "#" not in url
    )


def _is_header(name: str, value: Json) -> bool:
    token = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
    return token and isinstance(value, str) and value.replace("\t", "").isprintable()
