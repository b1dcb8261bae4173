# The section `ifc`.
package agt.defaults

import data.agt.ifc
import rego.v1

ifc_verdict := {
	"decision": "deny",
	"reason": "ifc_labels_missing",
	"message": "no labels of the data are in the snapshot",
} if {
	ifc_holds
	not has_labels
} else := ifc.gate(cfg.ifc, labels_here) if {
	ifc_holds
}

ifc_holds if holds(cfg.ifc, label_points)

has_labels if {
	is_array(labels_here)
	count(labels_here) > 0
}

# What is let through keeps the most sensitive label of its data.
labelled(given) := object.union(given, {"result_labels": ifc_verdict.result_labels}) if {
	ifc_verdict.result_labels
} else := given
