# The section `budgets`.
package agt.defaults

import data.agt.budgets
import rego.v1

budgets_verdict := budgets.gate(cfg.budgets) if {
	holds(cfg.budgets, ["input", "pre_model_call", "post_model_call", "pre_tool_call", "post_tool_call", "output"])
}
