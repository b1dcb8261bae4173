# Which tools a session may start with.
package support.startup

import rego.v1

default verdict := {"decision": "deny", "reason": "tool_not_approved"}

verdict := {"decision": "allow"} if {
	is_array(input.policy_target.value)
	every tool in input.policy_target.value {
		tool in data.settings.tools
	}
}
