# The section `drift`.
package agt.defaults

import data.agt.drift
import rego.v1

drift_verdict := drift.gate(cfg.drift) if holds(cfg.drift, drift_points)

# Where the annotation is bound.
drift_points := [input.intervention_point | _ := input.annotations.drift_score]
