"""The sandbox: policies of inline manifests, compiled and evaluated in child processes (section 2.5)."""
