"""The `mcp_tool` detector."""
