# What the sections of `data.agt.defaults.config` have in common.
package agt.defaults

import rego.v1

default cfg := {}

cfg := data.agt.defaults.config if is_object(data.agt.defaults.config)

# True where a section holds: at the points that it names, else at the usual ones.
holds(section, usual) if input.intervention_point in object.get(section, "points", usual)
