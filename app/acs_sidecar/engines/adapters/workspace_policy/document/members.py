"""The members of a document: one table for the reader and for the JSON Schema (sections 10.1, 10.2)."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

__all__ = [
    "CONTENT",
    "DOCUMENT",
    "HEX_64",
    "IDENTIFIER",
    "MAX_ENTRIES",
    "MAX_ENTRY",
    "NAME",
    "REQUIRED",
    "SCHEME",
    "DocumentMember",
    "PolicyStatus",
    "Section",
    "Shape",
    "TextShape",
]

SCHEME = "acs-sidecar/workspace-policy/v1"
MAX_ENTRIES = 1_000
MAX_ENTRY = 256


class PolicyStatus(StrEnum):
    """Where a document is in its life (section 10.5)."""

    DRAFT = "draft"
    ACTIVE = "active"
    SUPERSEDED = "superseded"
    REVOKED = "revoked"


class Shape(StrEnum):
    """The shape of a member that is no text of a pattern."""

    STATUS = "status"
    SCHEME = "scheme"
    NAMES = "names"
    APPROVAL = "approval"
    FLAG = "flag"


@dataclass(frozen=True, slots=True)
class TextShape:
    """A text that matches `pattern` as a whole; `form` says so to people. A `moment` exists in a calendar."""

    pattern: str
    form: str
    moment: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """An object with no other members than these."""

    members: Mapping[str, "DocumentMember"]


DocumentMember = Section | Shape | TextShape

IDENTIFIER = TextShape(
    "^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$",
    "1 to 128 characters from A-Z a-z 0-9 . _ : -, the first a letter or digit",
)
HEX_64 = TextShape("^[0-9a-f]{64}$", "64 lower-case hex digits")
NAME = TextShape(
    r"^[^*\s][^*]{0,254}\*?$|^\*$",
    f"a name of at most {MAX_ENTRY} characters without white space in front, with `*` at most at its end",
)
_MOMENT = TextShape(
    r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?Z$",
    "an RFC 3339 time in UTC, such as 2027-01-31T00:00:00Z",
    moment=True,
)

CONTENT = Section(
    {
        "agent": Section(
            {
                "models": Section(
                    {
                        "allowed_providers": Shape.NAMES,
                        "allowed_models": Shape.NAMES,
                        "denied_models": Shape.NAMES,
                    }
                ),
                "capabilities": Section(
                    {
                        "allowed_tools": Shape.NAMES,
                        "denied_tools": Shape.NAMES,
                        "require_tool_approval": Shape.APPROVAL,
                    }
                ),
            }
        ),
        "compliance": Section(
            {
                "frameworks": Shape.NAMES,
                "require_audit_logging": Shape.FLAG,
                "data_residency": TextShape(
                    "^[a-z]{2}(-[a-z0-9]+)*$", "a region in lower case, such as `us` or `eu-west-1`"
                ),
            }
        ),
    }
)

DOCUMENT = Section(
    {
        "policy_id": IDENTIFIER,
        "workspace_id": IDENTIFIER,
        "version": TextShape(
            "^[1-9][0-9]{0,17}$", "a text of a decimal integer from 1 on, of at most 18 digits"
        ),
        "status": Shape.STATUS,
        "content": CONTENT,
        "hash": HEX_64,
        "signature": TextShape("^[0-9a-f]{128}$", "128 lower-case hex digits"),
        "signature_scheme": Shape.SCHEME,
        "signing_key_id": IDENTIFIER,
        "signing_public_key": HEX_64,
        "activated_at": _MOMENT,
        "updated_at": _MOMENT,
        "supersedes": HEX_64,
    }
)

REQUIRED = ("policy_id", "workspace_id", "version", "status", "content", "hash")
