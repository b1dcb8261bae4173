# The section `ifc`: what is let through keeps the most sensitive label of its data.
package agt.defaults

import data.agt.ifc
import rego.v1

ifc_verdict := {"decision": "allow", "result_labels": [most_sensitive]} if {
	ifc_holds
	_ := labels_here[0]
	every label in labels_here {
		label in object.get(ifc.default_lattice.dominates, cfg.ifc.sink_clearance, [])
	}
} else := {
	"decision": "deny",
	"reason": "ifc_clearance_violation",
	"message": "the clearance of the sink does not cover the labels of the data",
} if {
	ifc_holds
	_ := labels_here[0]
} else := {
	"decision": "deny",
	"reason": "ifc_labels_missing",
	"message": "no labels of the data are in the snapshot",
} if {
	ifc_holds
}

most_sensitive := "secret" if {
	"secret" == labels_here[_]
} else := "confidential" if {
	"confidential" == labels_here[_]
} else := "internal" if {
	"internal" == labels_here[_]
} else := "public"

ifc_holds if holds(cfg.ifc, label_points)

default labels_kept := {}

labels_kept := {"result_labels": ifc_verdict.result_labels}
