"""Numbers given to options."""

import math

import typer

__all__ = ["number"]


def number(value: float) -> float:
    """Return the value of an option, but refuse `nan`: it lies in every range, and nothing exceeds it."""
    if math.isnan(value):
        raise typer.BadParameter("`nan` is not a number")
    return value
