# What the user asks.
package travel.request

import data.travel.texts
import rego.v1

default verdict := {"decision": "deny", "reason": "not_a_text"}

verdict := {
	"decision": "deny",
	"reason": "card_number",
	"message": "Leave the card number out: the travel desk has it.",
} if {
	is_string(input.policy_target.value)
	regex.match(texts.card, input.policy_target.value)
}

verdict := {"decision": "allow"} if {
	is_string(input.policy_target.value)
	not regex.match(texts.card, input.policy_target.value)
}
