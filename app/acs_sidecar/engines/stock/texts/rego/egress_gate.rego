# Where a tool call goes: the section, which reads the hosts that the classifier `stock_egress` finds.
package agt.egress

import rego.v1

not_allowed := refused("egress_destination_not_allowed", "a destination is not one of the allowed hosts")

refused(reason, message) := {"decision": "deny", "reason": reason, "message": message}

# The section `egress`: hosts that are not allowed, then what can be read in more than one way or was not read, then
# what has no host. The classifier compares with the allowlist.
gate(section) := not_allowed if {
	not found
} else := not_allowed if {
	"not_allowed" in found.categories
	not "[unread]" in found.hosts
} else := refused("egress_destination_ambiguous", "a destination can be read in more than one way, or not at all") if {
	ambiguous
} else := refused("egress_destination_missing", "a destination has no host") if {
	count(found.hosts) == 0
	expects_host(section)
}

found := input.annotations.stock_egress if {
	is_array(input.annotations.stock_egress.categories)
	is_array(input.annotations.stock_egress.hosts)
}

ambiguous if "ambiguous_url" in found.categories

ambiguous if "encoded_host" in found.categories

ambiguous if "[unread]" in found.hosts

expects_host(_) if expected_destination

expects_host(section) if {
	before_the_result
	input.tool.name in object.get(section, "required_for", [])
}

# A result need not name the host that its call named.
before_the_result if input.intervention_point != "post_tool_call"
