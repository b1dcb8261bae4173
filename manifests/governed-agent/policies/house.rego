# The travel desk's own rules, for what no document of the agent has a word for.
package house

import rego.v1

budgets := input.snapshot.envelope.budgets

target := input.policy_target.value

# Tool calls: the budget that SOUL.md declares.
default verdict := {"decision": "allow"}

verdict := {"decision": "deny", "reason": "over_budget", "message": "The booking costs more than what is left."} if {
	input.snapshot.tool_call.name == "book_train"
	target.price > budgets.money
} else := {"decision": "deny", "reason": "too_many_steps", "message": "The task has no steps left."} if {
	budgets.steps <= 0
}

default input_verdict := {"decision": "allow"}

input_verdict := {"decision": "warn", "reason": "long_input"} if count(target) > 4000

# What the model and the agent say: card numbers are cut out.
default text_verdict := {"decision": "allow"}

text_verdict := {
	"decision": "transform",
	"reason": "card_number_removed",
	"transform": {"path": "$policy_target", "value": regex.replace(target, `[0-9]{13,16}`, "[card]")},
} if regex.match(`[0-9]{13,16}`, target)

default result_verdict := {"decision": "allow"}

result_verdict := {"decision": "deny", "reason": "foreign_instructions"} if {
	contains(lower(target), "ignore your instructions")
}

default shutdown_verdict := {"decision": "allow"}

shutdown_verdict := {"decision": "warn", "reason": "open_bookings"} if target.open_bookings > 0
