# The section `ifc`.
package agt.defaults

import data.agt.ifc
import rego.v1

label_paths := object.get(cfg.ifc, "label_paths", {
	"input": ["snapshot", "input", "ifc", "source_labels"],
	"output": ["snapshot", "response", "ifc", "result_labels"],
})

ifc_labels := ifc.result_labels if {
	input.intervention_point == "output"
} else := ifc.source_labels

ifc_verdict := ifc.gate(cfg.ifc, path) if {
	path := label_paths[input.intervention_point]
	holds(cfg.ifc, object.keys(label_paths))
}

# What is let through keeps the most sensitive label of its data.
labelled(given) := object.union(given, {"result_labels": ifc_verdict.result_labels}) if {
	ifc_verdict.result_labels
} else := given
