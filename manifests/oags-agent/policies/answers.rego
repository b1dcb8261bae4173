package answers

import rego.v1

default verdict := {"decision": "allow"}

verdict := {
	"decision": "transform",
	"reason": "confidence_removed",
	"transform": {"path": "$policy_target", "value": regex.replace(answer, `\[confidential:[^\]]*\]`, "[removed]")},
} if {
	confidential
} else := {"decision": "warn", "reason": "uncited_answer"} if {
	not regex.match(`\[[0-9]+\]`, answer)
}

answer := input.policy_target.value

confidential if regex.match(`\[confidential:[^\]]*\]`, answer)
