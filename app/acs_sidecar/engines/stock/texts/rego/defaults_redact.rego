# The section `redact`.
package agt.defaults

import data.agt.redact
import rego.v1

redact_verdict := redact.gate if {
	holds(cfg.redact, ["input", "post_model_call", "post_tool_call", "output"])
}

redact_replacement(rules) := redact.effective_replacement(object.get(rules, "replacement", null))
