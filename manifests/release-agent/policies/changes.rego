# What an agent may change: where its tool is listed for, and elsewhere with a person.
package changes

import rego.v1

default verdict := {"decision": "deny", "reason": "not_permitted"}

verdict := {"decision": "allow"} if input.tool.effect == "read"

verdict := {"decision": "allow"} if {
	listed
	environment == "staging"
	not forced
}

verdict := {"decision": "warn", "reason": "production_changed"} if {
	listed
	environment == "production"
	not forced
}

# `force` skips the checks of whatever is called: the change is made without it.
verdict := {
	"decision": "transform",
	"reason": "force_removed",
	"transform": {"path": "$policy_target.force", "value": false},
} if {
	listed
	forced
}

verdict := {"decision": "escalate", "reason": "environment_not_listed"} if {
	input.tool.effect == "change"
	environment in {"staging", "production"}
	not listed
}

environment := input.policy_target.value.environment

listed if {
	input.tool.effect == "change"
	environment in input.tool.environments
}

# Anything but `false` might be read as yes.
forced if input.policy_target.value.force != false
