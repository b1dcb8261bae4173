"""The engines: one module each, behind the ports of `acs_sidecar.spec.ports`."""
