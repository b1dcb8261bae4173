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

else := {"decision": "escalate", "reason": "value_not_grounded", "message": data.grounding.explanation} if {
	external
	input.tool.acts
	count(data.grounding.doubts) > 0
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
	some value in data.grounding.leaves(argument)
	not data.grounding.grounded(value)
}
