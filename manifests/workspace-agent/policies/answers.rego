package answers

import rego.v1

card := `\b[0-9]{4}[ -]?[0-9]{4}[ -]?[0-9]{4}[ -]?[0-9]{4}\b`

default verdict := {"decision": "allow"}

verdict := {
	"decision": "transform",
	"reason": "card_number",
	"transform": {"path": "$policy_target", "value": regex.replace(input.policy_target.value, card, "[card]")},
} if {
	regex.match(card, input.policy_target.value)
}
