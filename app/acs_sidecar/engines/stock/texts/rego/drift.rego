# How far the agent's behaviour has drifted, as the annotation `drift_score` says.
package agt.drift

import rego.v1

score := input.annotations.drift_score if is_number(input.annotations.drift_score)

drift_exceeds(threshold) if {
	is_number(threshold)
	score >= threshold
}

warn_if_drift(threshold) := {
	"decision": "warn",
	"reason": "drift_detected",
	"message": sprintf("drift_score %v reached %v", [score, threshold]),
} if {
	drift_exceeds(threshold)
}

# The section `drift`: no score is told as well.
gate(section) := {
	"decision": "warn",
	"reason": "drift_missing",
	"message": "the annotation drift_score is no number",
} if {
	not is_number(input.annotations.drift_score)
} else := {
	"decision": "warn",
	"reason": "drift_detected",
	"message": "the drift reached the threshold",
} if {
	input.annotations.drift_score >= section.warn_threshold
}
