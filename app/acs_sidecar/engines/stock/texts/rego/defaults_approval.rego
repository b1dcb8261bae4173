# The section `approval`.
package agt.defaults

import data.agt.approval
import rego.v1

approval_verdict := approval.gate(cfg.approval) if {
	holds(cfg.approval, ["agent_startup", "input", "pre_model_call", "post_model_call", "pre_tool_call", "post_tool_call", "output", "agent_shutdown"])
}
