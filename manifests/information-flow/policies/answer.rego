# An answer flows to the person who reads it; `audience` is the host's word, from its login.
package flow.answer

import rego.v1

default verdict := {"decision": "deny", "reason": "ifc_labels_unknown"}

verdict := {"decision": "allow", "result_labels": data.flow.labels.source} if {
	data.flow.labels.known
	data.flow.labels.flows(data.flow.labels.source, input.snapshot.audience)
} else := {
	"decision": "deny",
	"reason": "ifc_clearance_violation",
	"message": "Nothing that touched a secret is answered to this reader, not even that it exists.",
} if {
	data.flow.labels.known
	"secret" in data.flow.labels.source
} else := {
	"decision": "transform",
	"reason": "ifc_withheld",
	"transform": {"path": "$policy_target", "value": "You are not cleared for this answer. Ask its owner for access."},
	"result_labels": ["public"],
} if {
	data.flow.labels.known
}
