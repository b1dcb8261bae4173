"""The place of a member, written as people write it (section 1.3)."""

import re

from acs_sidecar.spec.document.bounds import Members

__all__ = ["member_below", "member_path"]

_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def member_path(members: Members) -> str:
    """Write a member's place as a path: `policies.main.query`, `extends[0]`, `tools["a b"]`."""
    text = ""
    for member in members:
        if isinstance(member, int):
            text += f"[{member}]"
        elif _PLAIN_NAME.fullmatch(member):
            text += f".{member}" if text else member
        else:
            text += '["' + member.replace("\\", "\\\\").replace('"', '\\"') + '"]'
    return text


def member_below(path: str, member: str) -> str:
    """Write the place of a member of what stands at `path`: `policies.main.context["action.type"]`."""
    written = member_path((member,))
    return path + written if written.startswith("[") else f"{path}.{written}"
