# Where a tool call goes. The section reads the hosts that the classifier `stock_egress` finds; the functions of the
# published library read the destinations themselves.
package agt.egress

import rego.v1

default_destination_paths := [
	["snapshot", "tool_call", "args", "url"],
	["snapshot", "tool_call", "args", "endpoint"],
	["snapshot", "tool_call", "args", "host"],
	["snapshot", "tool_call", "args", "domain"],
	["annotations", "egress", "destination"],
]

argument_paths := array.slice(default_destination_paths, 0, 4)

destinations(rules) := [value |
	some path in destination_paths(rules)
	value := resolve(input, path)
	is_string(value)
]

# The first of the destinations.
destination(rules) := destinations(rules)[0]

destination_paths(rules) := rules.destination_paths if {
	is_array(rules.destination_paths)
	count(rules.destination_paths) > 0
} else := default_destination_paths

resolve(document, path) := value if {
	value := object.get(document, path, null)
	value != null
}

# The host of a URL without disguises; none of any other.
host_of(url) := trim_right(lower(host), ".") if {
	is_string(url)
	matches := regex.find_all_string_submatch_n(`^(?:[A-Za-z][A-Za-z0-9+.-]*:)?(?://)?([A-Za-z0-9_.-]+)(?::[0-9]*)?(?:[/?#][^\\@]*)?$`, url, 1)
	host := matches[0][1]
	host != ""
}

allowlist(rules) := rules.allowlist if {
	is_array(rules.allowlist)
} else := input.tool.security_labels if {
	is_array(input.tool.security_labels)
} else := []

allowed(url, patterns) if {
	host := host_of(url)
	some pattern in patterns
	covers(pattern, host)
}

covers(pattern, host) if trim_right(lower(pattern), ".") == host

covers(pattern, host) if {
	startswith(pattern, "*.")
	endswith(host, trim_right(lower(substring(pattern, 1, -1)), "."))
}

deny_egress(rules) := not_allowed if {
	patterns := allowlist(rules)
	some url in destinations(rules)
	not allowed(url, patterns)
}

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

expects_host(section) if input.tool.name in object.get(section, "required_for", [])
