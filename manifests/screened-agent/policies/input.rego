# What reaches the agent: clear injections are refused, doubtful ones shown to a person.
package screen.input

import rego.v1

found := input.annotations.injection

verdict := {"decision": "deny", "reason": "prompt_injection", "message": message} if {
	found.flagged
} else := {"decision": "escalate", "reason": "injection_suspected", "message": message} if {
	found.score >= 0.5
} else := {"decision": "allow"}

message := sprintf("The text looks like %s.", [found.label])
