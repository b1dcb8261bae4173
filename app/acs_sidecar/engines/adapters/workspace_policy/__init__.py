"""The `workspace_policy` adapter: signed policies of a workspace (section 10)."""
