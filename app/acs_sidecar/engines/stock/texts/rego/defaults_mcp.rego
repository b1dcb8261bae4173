# The section `mcp`.
package agt.defaults

import data.agt.mcp
import rego.v1

mcp_verdict := mcp.gate(cfg.mcp) if holds(cfg.mcp, ["pre_tool_call", "post_tool_call"])
