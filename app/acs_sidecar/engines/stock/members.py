"""The members of a policy that uses the stock library (section 8.1)."""

from acs_sidecar.spec.manifest.declaration import Member, MemberTable

__all__ = ["DEFAULT_QUERY", "LIBRARY", "STOCK_MEMBERS"]

LIBRARY = "stock-1"
DEFAULT_QUERY = "data.agt.defaults.verdict"

STOCK_MEMBERS: MemberTable = {
    "library": Member(
        "The policies that ship with the service, alone or beside your own.", {"enum": [LIBRARY]}, fixed=True
    ),
    "config": Member(
        "What the library is to decide: an object of sections, or the path of a file with one. Relative to the "
        "manifest.",
        {"type": ["object", "string"]},
        file=True,
    ),
}
