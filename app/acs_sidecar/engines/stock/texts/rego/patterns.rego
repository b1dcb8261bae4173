# What must not be in a text. The section reads the annotation of the classifier `stock_patterns`, which matches every
# text of a target; the functions of the published library match one text.
package agt.patterns

import rego.v1

pii_ssn := `\b\d{3}[\s.\-]?\d{2}[\s.\-]?\d{4}\b`

pii_email := `\b[A-Za-z0-9._%+\-]+@[A-Za-z0-9.\-]+\.[A-Za-z]{2,}\b`

pii_phone := `\b(?:\+?1[\s.\-]?)?\(?\d{3}\)?[\s.\-]?\d{3}[\s.\-]?\d{4}\b`

pii_credit_card := `\b(?:4\d{12}(?:\d{3})?|5[1-5]\d{14})\b`

pii_secret := `(?i)\b(?:password|passwd|secret|token|api[_-]?key)\s*[:=]\s*\S+`

pii_patterns := [pii_ssn, pii_email, pii_phone, pii_credit_card, pii_secret]

matches_any(text, patterns) if {
	is_string(text)
	is_array(patterns)
	some pattern in patterns
	regex.match(pattern, text)
}

match_start(_, matched) := 0 if matched == ""

match_start(text, matched) := indexof(text, matched) if matched != ""

# The match that starts first; of several, that of the first expression.
first_match(text, patterns) := match if {
	is_string(text)
	is_array(patterns)
	starts := [[start, index, found[0]] |
		some index, pattern in patterns
		found := regex.find_n(pattern, text, 1)
		count(found) > 0
		start := match_start(text, found[0])
	]
	count(starts) > 0
	[start, index, matched] := min(starts)
	match := {
		"pattern": patterns[index],
		"pattern_index": index,
		"match": matched,
		"span_start": start,
		"span_end": start + count(matched),
	}
}

deny_if_pattern(text, patterns, reason) := {
	"decision": "deny",
	"reason": reason,
	"message": sprintf("matched pattern %v at offset %v", [hit.pattern, hit.span_start]),
} if {
	hit := first_match(text, patterns)
}

# The section `patterns`: anything but an annotation that found nothing.
gate(section) := {
	"decision": "deny",
	"reason": object.get(section, "reason", "pattern_blocked"),
	"message": "a text matches a pattern",
} if {
	not clear
}

clear if input.annotations.stock_patterns.flagged == false
