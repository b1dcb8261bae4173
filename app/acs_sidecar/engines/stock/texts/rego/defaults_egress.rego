# The section `egress`.
package agt.defaults

import data.agt.egress
import rego.v1

egress_verdict := egress.gate(cfg.egress) if holds(cfg.egress, ["pre_tool_call", "post_tool_call"])
