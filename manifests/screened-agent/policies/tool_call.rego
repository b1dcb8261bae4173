# What the agent does: risky commands are refused, unknown hosts need a person, privileges are noticed.
package screen.tool_call

import rego.v1

shell := input.annotations.shell

hosts := input.annotations.hosts

verdict := {"decision": "deny", "reason": "risky_command", "message": concat(", ", shell.categories)} if {
	shell.flagged
} else := {"decision": "escalate", "reason": "unknown_host", "message": concat(", ", hosts.hosts)} if {
	hosts.flagged
} else := {"decision": "warn", "reason": "privilege_used"} if {
	"privilege" in shell.categories
} else := {"decision": "allow"}
