# What a customer writes. Matching words is a coarse net: it stops what people copy from the web, and
# a classifier as annotator would stop more.
package support.input

import rego.v1

default verdict := {"decision": "allow"}

verdict := {
	"decision": "deny",
	"reason": "prompt_extraction",
	"message": "The message asks for the instructions of the agent.",
} if {
	asks_for_instructions
} else := {
	"decision": "warn",
	"reason": "customer_upset",
	"message": "A person should read along.",
} if {
	some word in ["lawyer", "legal action", "chargeback", "consumer protection"]
	contains(text, word)
}

asks_for_instructions if {
	some verb in ["reveal", "show", "print", "repeat", "ignore", "disregard", "forget", "output", "translate", "override"]
	contains(text, verb)
	some object in [
		"system prompt", "system message", "hidden prompt", "initial prompt", "your prompt", "your instructions",
		"previous instructions", "prior instructions", "all instructions", "instructions above", "your rules",
	]
	contains(text, object)
}

# The whole body as one line of lower-case words. Its JSON text has every nested string and member name
# in it; what people put between letters and words to get past a filter goes.
text := concat(" ", [word | some word in split(plain, " "); word != ""])

plain := strings.replace_n(
	{
		`\n`: " ", `\r`: " ", `\t`: " ", `"`: " ", `:`: " ", `,`: " ", `.`: " ", `-`: " ", `_`: " ", `*`: " ",
		"\u00a0": " ", "\u00ad": "", "\u200b": "", "\u200c": "", "\u200d": "", "\u2060": "", "\ufeff": "",
	},
	lower(json.marshal(input.policy_target.value)),
)
