"""`array.flatten`: the elements of the arrays in an array, and the others, one level deep."""

__all__ = ["flatten"]


def flatten(values: list[object]) -> list[object]:
    """Put the elements of each array among the elements around it."""
    if not isinstance(values, list):
        raise TypeError("not an array")
    return [item for value in values for item in (value if isinstance(value, list) else [value])]
