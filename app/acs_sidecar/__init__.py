"""acs-sidecar: the policy decision sidecar for AI agents."""

__version__ = "0.2.0"
