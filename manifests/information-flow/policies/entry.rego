package flow.entry

import rego.v1

default verdict := {
	"decision": "deny",
	"reason": "ifc_labels_unknown",
	"message": "Send `ifc.source_labels`: at least one level, and no label that is not in the lattice.",
}

verdict := {"decision": "allow", "result_labels": data.flow.labels.source} if data.flow.labels.known
