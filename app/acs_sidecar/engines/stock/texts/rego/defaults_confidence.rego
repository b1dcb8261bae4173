# The section `confidence`.
package agt.defaults

import data.agt.confidence
import rego.v1

confidence_verdict := confidence.gate(cfg.confidence) if holds(cfg.confidence, confidence_points)

# Where the annotation is bound.
confidence_points := [input.intervention_point | _ := input.annotations.confidence]
