"""What the tests of the analysis share."""

__all__ = ["MODULES"]

MODULES = "policies.main.modules"
