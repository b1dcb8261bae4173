# What is cut out of a text. The section reads the annotation of the classifier `stock_redact`, which redacts every
# text of a target; the functions of the published library redact one text.
package agt.redact

import data.agt.patterns
import rego.v1

default_replacement := "[REDACTED]"

combined_pattern(pats) := concat("|", [sprintf("(?:%s)", [pattern]) | some pattern in pats]) if {
	is_array(pats)
	count(pats) > 0
}

# A replacement is text: a dollar in it refers to nothing.
apply_patterns(text, pats, replacement) := result if {
	is_string(text)
	pattern := combined_pattern(pats)
	result := regex.replace(text, pattern, replace(replacement, "$", "$$"))
}

effective_replacement(replacement) := replacement if {
	is_string(replacement)
} else := default_replacement

redact_text(text, pats, replacement) := redacted(apply_patterns(text, pats, effective_replacement(replacement))) if {
	patterns.matches_any(text, pats)
}

redacted(value) := {
	"decision": "transform",
	"reason": "redaction_applied",
	"transform": {"path": "$policy_target", "value": value},
}

# The section `redact`. An annotation that does not say what is left says that something was found all the same.
gate := redacted(input.annotations.stock_redact.redacted) if {
	found
	_ := input.annotations.stock_redact.redacted
} else := {
	"decision": "deny",
	"reason": "redaction_missing",
	"message": "the annotation stock_redact has no redacted value",
} if {
	found
}

default found := true

found := false if input.annotations.stock_redact.flagged == false
