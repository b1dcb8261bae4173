"""Why a call to another server has no usable answer."""

__all__ = ["TooLargeError", "UnreachableError", "UntrustedCertificateError"]


class UnreachableError(Exception):
    """No answer, or not all of it."""


class UntrustedCertificateError(UnreachableError):
    """The server has no trusted certificate."""


class TooLargeError(Exception):
    """The answer has more bytes than it may."""
