# A prompt flows to whoever runs the model.
package flow.model

import rego.v1

default verdict := {"decision": "deny", "reason": "ifc_labels_unknown"}

verdict := {"decision": "allow", "result_labels": data.flow.labels.source} if {
	data.flow.labels.known
	data.flow.labels.flows(data.flow.labels.source, data.settings.models[input.snapshot.model.name])
} else := {
	"decision": "deny",
	"reason": "ifc_clearance_violation",
	"message": "This model may not see data of these labels.",
} if {
	data.flow.labels.known
}
