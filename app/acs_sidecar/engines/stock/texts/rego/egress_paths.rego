# Destinations at the paths of a configuration that is read at each call.
package agt.egress

import rego.v1

expected_destination if {
	some path in object.get(data.agt.defaults.config.egress, "destination_paths", argument_paths)
	_ := resolve(input, path)
}
