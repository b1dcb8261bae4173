"""The settings of the service (section 2.6)."""
