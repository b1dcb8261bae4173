# What leaves the agent: never a secret, and personal data only as a placeholder.
package screen.output

import rego.v1

pii := input.annotations.pii

verdict := {"decision": "deny", "reason": "secret_in_output"} if {
	input.annotations.secrets.flagged
} else := {
	"decision": "transform",
	"reason": "pii_redaction",
	"transform": {"path": "$policy_target", "value": pii.redacted},
	"result_labels": ["pii-redacted"],
} if {
	pii.flagged
} else := {"decision": "allow"}
