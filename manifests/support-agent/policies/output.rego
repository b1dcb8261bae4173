# What leaves the agent: e-mail addresses, phone and card numbers are replaced wherever they stand.
package support.output

import rego.v1

target := input.policy_target.value

verdict := {
	"decision": "deny",
	"reason": "system_prompt_leak",
	"message": "The answer repeats the instructions of the agent.",
} if {
	contains(lower(json.marshal(target)), data.settings.canary)
} else := {
	"decision": "deny",
	"reason": "control_character",
} if {
	some text in texts
	contains(text, "\u0000")
} else := {
	"decision": "deny",
	"reason": "card_as_number",
	"message": "A number cannot be replaced by a text: send card numbers as text.",
} if {
	walk(target, [_, number])
	is_number(number)
	number >= 1000000000000
	substring(sprintf("%v", [number]), 0, 1) in {"3", "4", "5", "6"} # what card numbers begin with
} else := {
	"decision": "transform",
	"reason": "pii_redaction",
	"transform": {"path": "$policy_target", "value": redacted},
	# Evidence tells an auditor what the decision rests on; labels travel on with the value.
	"evidence": {"artefact": "pii-patterns/1", "verification_pointers": {"patterns": "policies/output.rego"}},
	"result_labels": ["pii-redacted"],
} if {
	count(replacements) > 0
} else := {"decision": "allow"}

# A nested target is rebuilt through its JSON text: strings are replaced whole, quotes included.
redacted := json.unmarshal(strings.replace_n(replacements, json.marshal(target)))

replacements[json.marshal(text)] := json.marshal(clean) if {
	some i, text in texts
	clean := cleaned[i]
	clean != text
}

texts := [text | some text in found]

found contains text if {
	walk(target, [_, text])
	is_string(text)
}

found contains name if {
	walk(target, [path, _])
	name := path[count(path) - 1]
	is_string(name)
}

# A pattern costs some fifty microseconds whenever it is used, and `contains` next to nothing: so one line of all
# texts, and that only where a pattern could match.
line := concat("\u0000", texts)

cleaned := split(without_numbers(without_addresses(line)), "\u0000")

without_addresses(text) := regex.replace(text, `[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+`, "[email]") if {
	contains(text, "@")
} else := text

without_numbers(text) := regex.replace(regex.replace(text, card, "[card]"), phone, "[phone]") if {
	has_digit(text)
} else := text

# A rule of its own: the head of a rule is worked out once for each `some` that holds.
has_digit(text) if {
	some digit in ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]
	contains(text, digit)
}

card := `[0-9]([ .-]?[0-9]){12,18}`

# +49 (171) 123-4567 or 0049…, 0171/1234567, (555) 010-9999
phone := `(\+|00)[0-9][0-9() ./-]{6,}[0-9]|\(?0[0-9]{2,4}\)?[ /-]?[0-9][0-9 -]{4,}[0-9]|\(?[0-9]{3}\)?[ .-][0-9]{3}[ .-][0-9]{4}`
