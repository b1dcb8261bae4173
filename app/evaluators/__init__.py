"""The engines: one module each, behind the ports of `app.core.ports`."""
