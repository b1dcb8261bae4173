"""A manifest as it may be shown: credentials taken out, by the declarations of its members (section 2.3)."""

import copy
import re

from acs_sidecar.spec.manifest.declaration import Member, MemberTable
from acs_sidecar.spec.manifest.member_catalog import MemberCatalog
from acs_sidecar.spec.manifest.pinned_url import redacted_url
from acs_sidecar.spec.manifest.references import References
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["REDACTED", "redacted"]

REDACTED = "[redacted]"

_WORD_BOUNDARY = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+")
_CREDENTIALS = frozenset(
    {"auth", "authorization", "credential", "credentials", "headers", "key", "passphrase", "passwd"}
    | {"password", "pwd", "secret", "token"}
)


def redacted(manifest: JsonObject, catalog: MemberCatalog) -> dict[str, Json]:
    """Copy a valid manifest without its credentials.

    Of policies, annotators, resolvers and what binds them a member is shown as it is declared, and one that
    nothing declares is not shown. Names of environment variables are not shown either: they tell where a
    credential is. In `tools`, `metadata` and objects of free form, names tell what is a credential. A URL
    loses its user and its query.
    """
    shown = copy.deepcopy(dict(manifest))
    for found in References(catalog, [shown]).objects(shown):
        found.members.update(_declared(found.members, found.table))
    if "metadata" in shown:
        shown["metadata"] = _visible(shown["metadata"])
    if isinstance(tools := shown.get("tools"), dict):
        shown["tools"] = {name: _visible(tool) for name, tool in tools.items()}
    return shown


def _declared(members: JsonObject, table: MemberTable) -> dict[str, Json]:
    return {name: _shown(table.get(name), value) for name, value in members.items()}


def _shown(member: Member | None, value: Json) -> Json:
    if member is None or member.environment:
        return REDACTED
    if member.secret:
        return _host(value) if member.url else REDACTED
    if member.members and isinstance(value, dict):
        return _declared(value, member.members)
    return _visible(value)


def _host(value: Json) -> Json:
    if not isinstance(value, str) or not value.startswith(("https://", "http://")):
        return REDACTED
    return f"{redacted_url(value, with_path=False)}/{REDACTED}"


def _visible(value: Json) -> Json:
    if isinstance(value, str):
        has_secret = value.startswith(("https://", "http://")) and ("?" in value or "@" in value)
        return f"{redacted_url(value)}?{REDACTED}" if has_secret else value
    if isinstance(value, list):
        return [_visible(item) for item in value]
    if isinstance(value, dict):
        return {
            name: REDACTED if _is_credential(name) else _visible(member) for name, member in value.items()
        }
    return value


def _is_credential(name: str) -> bool:
    """True if a name is that of a credential: `apiKey`, `db_password`, `aws_region`."""
    words = [word.lower() for word in _WORD_BOUNDARY.split(name) if word]
    if words[-1:] == ["env"]:
        words.pop()
    return bool(words) and (words[-1] in _CREDENTIALS or words[0] == "aws" or words[-2:-1] == ["api"])
