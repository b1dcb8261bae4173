# What the agent does: the first of these that applies.
package travel.call

import rego.v1

args := input.policy_target.value

verdict := {"decision": "allow"} if {
	input.tool.effect == "read"
} else := {"decision": "deny", "reason": "amount_missing"} if {
	not amount_known
} else := payment if {
	input.tool.effect == "pay"
} else := booking if {
	input.tool.effect == "book"
} else := {"decision": "deny", "reason": "not_permitted"}

amount_known if {
	is_number(args.amount)
	args.amount > 0
}

# By itself, for `not` before a payee that is missing would not hold.
payee_known if args.payee in {"Airline AG", "Hotel GmbH"}

# A deny that an approval of the treasury lifts: `approval` says so, and who may.
payment := {
	"decision": "deny",
	"reason": "payee_unknown",
	"message": "The treasury must know the payee.",
	"approval": {"approvers": ["treasury"]},
	"evidence": {"artefact": "travel-rules/7", "verification_pointers": {"rule": "payees"}},
} if {
	not payee_known
} else := {"decision": "allow"} if {
	args.amount <= 5000
} else := {
	"decision": "escalate",
	"reason": "invoice_above_limit",
	"approval": {"approvers": ["treasury", "travel-desk"]},
}

booking := {"decision": "deny", "reason": "first_class"} if {
	args.class == "first"
} else := {"decision": "escalate", "reason": "flight_above_limit", "approval": {"approvers": ["travel-desk"]}} if {
	args.amount > 2000
} else := {"decision": "transform", "reason": "extras_removed", "transform": {"path": "$target.extras", "value": []}} if {
	count(args.extras) > 0
} else := {"decision": "warn", "reason": "expensive", "message": "Above 500."} if {
	args.amount > 500
} else := {
	"decision": "allow",
	"reason": "business_class",
	"warnings": [{"reason": "business_class", "message": "Business class is remarked upon in the report."}],
} if {
	args.class == "business"
} else := {"decision": "allow"}
