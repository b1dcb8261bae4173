# Labels at the paths of a configuration that is read at each call.
package agt.defaults

import data.agt.ifc
import rego.v1

label_paths := object.get(cfg.ifc, "label_paths", {
	"input": ["snapshot", "input", "ifc", "source_labels"],
	"output": ["snapshot", "response", "ifc", "result_labels"],
})

label_points := object.keys(label_paths)

labels_here := object.get(input, label_paths[input.intervention_point], null)

ifc_labels := ifc.result_labels if {
	input.intervention_point == "output"
} else := ifc.source_labels
