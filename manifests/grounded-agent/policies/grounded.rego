# Nothing external was read: everything is allowed. Afterwards a call that acts needs grounded values.
package grounded

import rego.v1

kept := input.snapshot.provenance

external if "external" in input.snapshot.ifc.source_labels

missing := {
	"decision": "deny",
	"reason": "provenance_missing",
	"message": "Make the session with `provenance`: without it nothing says where a value came from.",
}

default entry := {"decision": "allow", "result_labels": ["external"]}

entry := missing if not kept

else := {"decision": "allow"} if input.snapshot.input.source == "user"

default call := {"decision": "allow"}

call := missing if not kept

else := {"decision": "escalate", "reason": "value_not_grounded", "message": data.explanation.text} if {
	external
	input.tool.acts
	count(doubts) > 0
}

# A stranger who chooses what is looked up chooses what is found: then the result is not the user's to act on.
default result := {"decision": "allow", "result_labels": ["external"]}

result := missing if not kept

else := {"decision": "allow"} if input.tool.gives == "nothing"

else := {"decision": "allow", "result_labels": ["trusted"]} if {
	input.tool.gives == "trusted"
	not chosen_by_strangers
}

else := {"decision": "allow", "result_labels": ["derived"]} if input.tool.gives == "trusted"

chosen_by_strangers if {
	external
	some argument in input.snapshot.tool_call.args
	some value in data.words.leaves(argument)
	not grounded(value)
}

# What keeps a call from running without a person: values that are not grounded, critical arguments without one.
doubts contains [name, value] if {
	some [name, value] in values
	not grounded(value)
}

doubts contains [name, null] if {
	some name in input.tool.critical
	count(data.words.leaves(object.get(input.snapshot.tool_call.args, name, null))) == 0
}

values contains [name, value] if {
	some name, argument in input.snapshot.tool_call.args
	not name in object.get(input.tool, "free", [])
	some value in data.words.leaves(argument)
}

grounded(value) if data.words.found(value, known)

known contains text if some text in kept.user

known contains text if {
	some given in kept.tools
	given.labels == ["trusted"]
	some text in data.words.texts(given.value)
}
