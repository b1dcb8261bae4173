"""What touches disk and network: manifests, the files they name, keys, the audit log."""
