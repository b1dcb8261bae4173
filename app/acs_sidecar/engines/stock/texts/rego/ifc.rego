# Labels of data and clearances of where it goes: nothing flows to a clearance below its label.
package agt.ifc

import rego.v1

default_lattice := {"dominates": {
	"public": ["public"],
	"internal": ["public", "internal"],
	"confidential": ["public", "internal", "confidential"],
	"secret": ["public", "internal", "confidential", "secret"],
}}

dominates(clearance, label) if dominates_with_lattice(default_lattice, clearance, label)

dominates_with_lattice(lattice, clearance, label) if {
	is_string(clearance)
	is_string(label)
	label in object.get(object.get(lattice, "dominates", {}), clearance, [])
}

# The label that dominates all others; none where there is none.
max_sensitivity(labels) := max_sensitivity_with_lattice(default_lattice, labels)

max_sensitivity_with_lattice(lattice, labels) := most if {
	count(labels) > 0
	greatest := {label |
		some label in labels
		every other in labels {
			dominates_with_lattice(lattice, label, other)
		}
	}
	most := min(greatest)
}

flow_allowed(clearance, labels) if flow_allowed_with_lattice(default_lattice, clearance, labels)

flow_allowed_with_lattice(lattice, clearance, labels) if {
	is_string(clearance)
	is_array(labels)
	most := max_sensitivity_with_lattice(lattice, labels)
	dominates_with_lattice(lattice, clearance, most)
}

allow(clearance, labels) := {"decision": "allow"} if flow_allowed(clearance, labels)

allow_with_lattice(lattice, clearance, labels) := {"decision": "allow"} if {
	flow_allowed_with_lattice(lattice, clearance, labels)
}

deny(clearance, labels) := violation(clearance, labels) if not flow_allowed(clearance, labels)

deny_with_lattice(lattice, clearance, labels) := violation(clearance, labels) if {
	not flow_allowed_with_lattice(lattice, clearance, labels)
}

verdict(clearance, labels) := verdict_with_lattice(default_lattice, clearance, labels)

verdict_with_lattice(lattice, clearance, labels) := {"decision": "allow"} if {
	flow_allowed_with_lattice(lattice, clearance, labels)
} else := violation(clearance, labels)

violation(clearance, labels) := {
	"decision": "deny",
	"reason": "ifc_clearance_violation",
	"message": sprintf("clearance %v does not cover the labels %v", [clearance, labels]),
}

propagated_labels(labels) := propagated_labels_with_lattice(default_lattice, labels)

propagated_labels_with_lattice(lattice, labels) := [max_sensitivity_with_lattice(lattice, labels)] if {
	count(labels) > 0
} else := []

verdict_propagating(clearance, labels) := verdict_propagating_with_lattice(default_lattice, clearance, labels)

verdict_propagating_with_lattice(lattice, clearance, labels) := {
	"decision": "allow",
	"result_labels": propagated_labels_with_lattice(lattice, labels),
} if {
	flow_allowed_with_lattice(lattice, clearance, labels)
} else := violation(clearance, labels)

source_labels := input.snapshot.input.ifc.source_labels if {
	is_array(input.snapshot.input.ifc.source_labels)
} else := []

result_labels := input.snapshot.response.ifc.result_labels if {
	is_array(input.snapshot.response.ifc.result_labels)
} else := []

allow_if_dominates(sink_clearance, labels) := verdict(sink_clearance, labels)
