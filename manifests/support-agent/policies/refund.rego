# Refunds: `{"order_id": text, "amount": number, "currency": text}`.
package support.refund

import rego.v1

args := input.policy_target.value

limits := data.settings.refund

verdict := {
	"decision": "deny",
	"reason": "refund_malformed",
	"message": "A refund needs an order, a positive amount and a known currency, and nothing else.",
} if {
	not well_formed
} else := {
	"decision": "deny",
	"reason": "refund_above_maximum",
	"message": sprintf("Refunds above %v are not made by the agent.", [limits.at_most]),
} if {
	args.amount > limits.at_most
} else := {
	"decision": "escalate",
	"reason": "refund_over_limit",
	"message": sprintf("A person decides on refunds above %v.", [limits.alone]),
} if {
	args.amount > limits.alone
} else := {
	"decision": "escalate",
	"reason": "refund_in_long_session",
	"message": "Many tool calls came before this refund.",
} if {
	not within_budget
} else := {
	"decision": "warn",
	"reason": "refund_outside_hours",
} if {
	not open
} else := {"decision": "allow"}

well_formed if {
	is_object(args)
	object.keys(args) == {"order_id", "amount", "currency"}
	is_string(args.order_id)
	args.order_id != ""
	is_number(args.amount) # a text compares as greater than any number
	args.amount > 0
	args.currency in limits.currencies
}

within_budget if {
	is_number(input.snapshot.envelope.budgets.tool_call_count)
	input.snapshot.envelope.budgets.tool_call_count <= limits.per_session
}

# The only clock is the host's: a policy sees the time of the snapshot, and no timestamp means closed.
open if {
	now := time.parse_rfc3339_ns(input.snapshot.envelope.timestamp)
	[hour, _, _] := time.clock(now)
	hour >= limits.open_hours.from
	hour < limits.open_hours.to
	not time.weekday(now) in {"Saturday", "Sunday"}
}
