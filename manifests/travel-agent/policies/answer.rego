# What the agent answers.
package travel.answer

import data.travel.texts
import rego.v1

default verdict := {"decision": "deny", "reason": "answer_not_a_text"}

verdict := {
	"decision": "transform",
	"reason": "card_hidden",
	"transform": {"path": "$target", "value": regex.replace(input.policy_target.value, texts.card, "[card]")},
	"result_labels": ["redacted"],
} if {
	is_string(input.policy_target.value)
	regex.match(texts.card, input.policy_target.value)
}

verdict := {"decision": "allow"} if {
	is_string(input.policy_target.value)
	not regex.match(texts.card, input.policy_target.value)
}
