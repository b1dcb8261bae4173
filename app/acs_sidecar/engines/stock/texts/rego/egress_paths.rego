# Destinations at the paths of a configuration that is read at each call.
package agt.egress

import rego.v1

expected_destination if {
	some path in object.get(data.agt.defaults.config.egress, "destination_paths", argument_paths)
	asked_here(path)
	_ := resolve(input, path)
}

asked_here(_) if before_the_result

asked_here(path) if array.slice(path, 0, 2) != ["snapshot", "tool_call"]
