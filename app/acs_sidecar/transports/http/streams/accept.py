"""Which of two media types a client prefers (RFC 9110)."""

__all__ = ["prefers"]

_DEFAULT = (0.0, 0)


def prefers(accept: str, wanted: str, default: str) -> bool:
    """True if `accept` ranks the media type `wanted` above `default`.

    Of two of the same weight the one that is named beats the one that a wildcard covers.
    """
    return bool(accept) and _rank(accept, wanted) > _rank(accept, default)


def _rank(accept: str, media_type: str) -> tuple[float, int]:
    """Return the weight of a media type, and how closely the range that gives it names it."""
    ranges = {media_type: 2, media_type.partition("/")[0] + "/*": 1, "*/*": 0}
    found: dict[int, float] = {}
    for item in accept.lower().split(","):
        name, *parameters = (part.strip() for part in item.split(";"))
        if name in ranges:
            found[ranges[name]] = _weight(parameters)
    closest = max(found, default=None)
    return _DEFAULT if closest is None else (found[closest], closest)


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return min(max(float(value), 0.0), 1.0)
            except ValueError:
                return 0.0
    return 1.0
