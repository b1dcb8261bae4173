# What the refund team adds to the rules of the company.
package team

import rego.v1

# Undefined for what is no amount: in Rego `null` is below every number.
amount := input.policy_target.value.amount if {
	is_number(input.policy_target.value.amount)
	input.policy_target.value.amount > 0
}

default verdict := {"decision": "deny", "reason": "not_ours"}

verdict := {"decision": "allow"} if {
	input.tool.name in {"lookup_order", "send_mail"}
} else := {"decision": "allow"} if {
	input.tool.name == "refund"
	amount <= 100
} else := {"decision": "warn", "reason": "refund_without_order"} if {
	input.tool.name == "refund"
	amount <= 500
	not input.policy_target.value.order
} else := {"decision": "allow"} if {
	input.tool.name == "refund"
	amount <= 500
} else := {
	"decision": "escalate",
	"reason": "team_lead",
	"message": "A refund above 500 needs a lead of the team.",
	"evidence": {"artefact": "urn:team:refunds", "approvers": ["team-leads", "finance"]},
} if {
	input.tool.name == "refund"
	amount <= 5000
}

default result := {"decision": "allow"}

result := {
	"decision": "transform",
	"reason": "card_hidden",
	"transform": {"path": "$policy_target.card", "value": "[hidden]"},
} if {
	input.policy_target.value.card
}

default answer := {"decision": "allow"}

answer := {"decision": "warn", "reason": "promise"} if {
	contains(lower(input.policy_target.value), "we promise")
}
