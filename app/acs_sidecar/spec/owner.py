"""Who takes a share of what all callers of a service have together (section 2.5)."""

from dataclasses import dataclass, field

__all__ = ["NOBODY", "Owner"]


@dataclass(slots=True, unsafe_hash=True)
class Owner:
    """A caller by its name, or a connection where callers have none; `gone` once that is closed.

    Two of one name are one owner.
    """

    name: str
    gone: bool = field(default=False, compare=False)


NOBODY = Owner("", gone=True)
"""The owner of what belonged to all that are gone, and of what comes from no caller."""
