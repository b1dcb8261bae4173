# Labels of the data that is about to flow, and where it may.
package flow.labels

import rego.v1

# Missing, empty, not a list, or one label unknown: then nothing is known about the data, and it does not flow.
known if {
	is_array(source)
	known_labels(source)
}

known_labels(labels) if {
	every label in labels {
		is_label(label)
	}
	some label in labels
	data.settings.levels[label]
}

is_label(label) if data.settings.levels[label]

is_label(label) if label in data.settings.marks

source := input.snapshot.ifc.source_labels

untrusted if "untrusted" in source

# Whether `labels` may flow to a receiver with `clearance` and, perhaps, marks that it accepts.
flows(labels, receiver) if {
	every label in labels {
		accepted(label, receiver)
	}
}

accepted(label, receiver) if data.settings.levels[label] <= data.settings.levels[receiver.clearance]

accepted(label, receiver) if label in receiver.accepts

accepted(label, _) if label == "untrusted"
