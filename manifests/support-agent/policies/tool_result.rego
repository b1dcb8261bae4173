# What tools give back: staff notes are withheld from the model, and the rest is labelled for the host.
package support.tool_result

import rego.v1

default verdict := {"decision": "deny", "reason": "tool_failed"}

verdict := object.union(decision, {"result_labels": object.get(input.tool, "result_labels", [])}) if {
	object.get(input.snapshot.tool_result, "error", null) == null
}

decision := {
	"decision": "transform",
	"reason": "staff_notes_withheld",
	"transform": {"path": "$policy_target.staff_notes", "value": "[withheld]"},
} if {
	input.policy_target.value.staff_notes
} else := {"decision": "allow"}
