# The section `patterns`.
package agt.defaults

import data.agt.patterns
import rego.v1

pattern_verdict := patterns.gate(cfg.patterns) if {
	holds(cfg.patterns, ["agent_startup", "input", "pre_model_call", "post_model_call", "pre_tool_call", "post_tool_call", "output", "agent_shutdown"])
}

pattern_text(rules) := rules.text if {
	is_string(rules.text)
} else := input.policy_target.value if {
	is_string(input.policy_target.value)
} else := ""

pattern_reason(rules) := rules.reason if {
	is_string(rules.reason)
} else := "pattern_blocked"
