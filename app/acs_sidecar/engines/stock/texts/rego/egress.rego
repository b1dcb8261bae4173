# Where a tool call goes: the functions of the published library, which read the destinations themselves.
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
