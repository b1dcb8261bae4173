"""Generated JSON values, snapshots and policy outputs."""

from hypothesis import strategies as st

from acs_sidecar.spec.values import Json

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
SCALARS: st.SearchStrategy[Json] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    TEXT,
)


def json_values(max_leaves: int = 12) -> st.SearchStrategy[Json]:
    """Any JSON value that JSON text can hold."""
    return st.recursive(
        SCALARS,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
        max_leaves=max_leaves,
    )


def json_objects(max_leaves: int = 12) -> st.SearchStrategy[dict[str, Json]]:
    """Any JSON object."""
    return st.dictionaries(TEXT, json_values(max_leaves), max_size=5)
