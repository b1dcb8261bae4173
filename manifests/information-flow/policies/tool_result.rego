# What comes out of a tool has its labels and those of what went in.
package flow.tool_result

import rego.v1

default verdict := {"decision": "deny", "reason": "ifc_labels_unknown"}

verdict := {"decision": "allow", "result_labels": sort(joined)} if {
	data.flow.labels.known
	data.flow.labels.known_labels(input.tool.security_labels)
}

joined contains label if some label in data.flow.labels.source

joined contains label if some label in input.tool.security_labels
