"""Names that are not known, and what was probably meant."""

import pytest

from acs_sidecar.spec.document.suggestions import did_you_mean, unknown_members
from acs_sidecar.spec.points import POINT_NAMES


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("pre_tool", "pre_tool_call"),
        ("tool_call_pre", ""),
        ("inptu", "input"),
        ("Output", "output"),
        ("", ""),
        ("x" * 1_000_000, ""),
    ],
)
def test_a_near_name_is_suggested(name: str, meant: str) -> None:
    """The nearest name, and none rather than any; a long text is compared by its beginning."""
    assert did_you_mean(name, POINT_NAMES) == (f", did you mean `{meant}`?" if meant else "")


def test_unknown_members_are_named_with_what_is_known() -> None:
    """Each has the message of its kind; after ten, names are no longer compared."""
    given = ["query", *(f"querry{number}" for number in range(12))]
    found = dict(unknown_members(given, {"query", "type"}))
    assert "query" not in found
    assert found["querry9"] == "unknown member, did you mean `query`?; must be one of `query`, `type`"
    assert found["querry10"] == "unknown member; must be one of `query`, `type`"
