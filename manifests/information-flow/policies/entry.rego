package flow.entry

import data.flow.labels

import rego.v1

default verdict := {
	"decision": "deny",
	"reason": "ifc_labels_unknown",
	"message": "Send `ifc.source_labels`: at least one level, and no label that is not in the lattice.",
}

verdict := {"decision": "allow", "result_labels": labels.source} if labels.known
