# The score that the annotation `confidence` brings, from 0 to 1.
package agt.confidence

import rego.v1

score := input.annotations.confidence.score if is_number(input.annotations.confidence.score)

below(threshold) if {
	is_number(threshold)
	score < threshold
}

deny_if_low_confidence(threshold) := {
	"decision": "deny",
	"reason": "confidence_below_threshold",
	"message": sprintf("confidence %v is below %v", [score, threshold]),
} if {
	below(threshold)
}

# The section `confidence`: no score is no confidence.
gate(section) := {
	"decision": "deny",
	"reason": "confidence_missing",
	"message": "the annotation confidence has no score that is a number",
} if {
	not score
} else := {
	"decision": "deny",
	"reason": "confidence_below_threshold",
	"message": "the confidence is below the threshold",
} if {
	score < section.min_score
}
