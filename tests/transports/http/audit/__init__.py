"""The audit log of a service, over HTTP."""
