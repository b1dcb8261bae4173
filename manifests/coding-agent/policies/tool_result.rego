# What tools give back: secrets in a text are replaced, and in anything else refused.
package coding.tool_result

import rego.v1

default verdict := {"decision": "allow"}

verdict := {
	"decision": "transform",
	"reason": "secret_redacted",
	"transform": {"path": "$policy_target", "value": data.coding.secrets.without(input.policy_target.value)},
	"result_labels": ["secret-redacted"],
} if {
	is_string(input.policy_target.value)
	data.coding.secrets.certain(input.policy_target.value)
} else := {
	"decision": "deny",
	"reason": "secret_in_result",
	"message": "Return text, so that a secret in it can be replaced.",
} if {
	data.coding.secrets.certain(json.marshal(input.policy_target.value))
}
