"""The stock library: policies that ship with the service, for `rego` and `cedar` (section 8.1)."""
