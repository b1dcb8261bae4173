"""The failures of a call to another server."""

__all__ = ["TooLargeError", "UnreachableError", "UntrustedCertificateError"]


class UnreachableError(Exception):
    """The server sent no answer, or an incomplete one."""


class UntrustedCertificateError(UnreachableError):
    """The server has no trusted certificate."""


class TooLargeError(Exception):
    """The answer exceeds the allowed number of bytes."""
