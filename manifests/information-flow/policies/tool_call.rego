# No read up: the agent may read what the tool gives. No write down: the tool may receive what the agent holds.
package flow.tool_call

import rego.v1

agent := data.settings.agents[input.snapshot.envelope.agent.id]

default verdict := {"decision": "deny", "reason": "ifc_labels_unknown"}

verdict := {
	"decision": "deny",
	"reason": "ifc_read_up",
	"message": "The agent has no clearance for what this tool gives.",
} if {
	data.flow.labels.known
	not reads_allowed
} else := {
	"decision": "deny",
	"reason": "ifc_clearance_violation",
	"message": sprintf("%v takes data up to %v.", [input.tool.name, input.tool.clearance]),
} if {
	data.flow.labels.known
	not data.flow.labels.flows(data.flow.labels.source, input.tool)
} else := {
	"decision": "escalate",
	"reason": "ifc_untrusted_influence",
	"message": "Data from a stranger led to this call: a person decides.",
} if {
	data.flow.labels.known
	data.flow.labels.untrusted
	input.tool.acts
} else := {
	"decision": "warn",
	"reason": "ifc_personal_data",
} if {
	data.flow.labels.known
	"personal" in data.flow.labels.source
} else := {"decision": "allow"} if {
	data.flow.labels.known
}

reads_allowed if {
	data.flow.labels.known_labels(input.tool.security_labels)
	data.flow.labels.flows(input.tool.security_labels, agent)
}
