# An answer flows to the person who reads it; `audience` is the host's word, from its login.
package flow.answer

import data.flow.labels

import rego.v1

default verdict := {"decision": "deny", "reason": "ifc_labels_unknown"}

verdict := {"decision": "allow", "result_labels": labels.source} if {
	labels.known
	data.flow.labels.flows(labels.source, input.snapshot.audience)
} else := {
	"decision": "deny",
	"reason": "ifc_clearance_violation",
	"message": "Nothing that touched a secret is answered to this reader, not even that it exists.",
} if {
	labels.known
	"secret" in labels.source
} else := {
	"decision": "transform",
	"reason": "ifc_withheld",
	"transform": {"path": "$policy_target", "value": "You are not cleared for this answer. Ask its owner for access."},
	"result_labels": ["public"],
} if {
	labels.known
}
