# The hash that the manifest declares for a tool, and the one that the host observed.
package agt.content_hash

import rego.v1

declared_hash := input.tool.content_hash if is_string(input.tool.content_hash)

observed_hash := input.snapshot.tool_call.content_hash if is_string(input.snapshot.tool_call.content_hash)

declared_present if is_string(input.tool.content_hash)

observed_present if is_string(input.snapshot.tool_call.content_hash)

# A declared hash of another type than text is a mismatch as well.
deny_if_mismatch := {
	"decision": "deny",
	"reason": "tool_content_hash_mismatch",
	"message": "the observed hash of the tool is not the declared one",
} if {
	_ := input.tool.content_hash
	not same_hash
}

same_hash if declared_hash == observed_hash

# The section `content_hash`.
gate(section) := deny_if_mismatch if {
	deny_if_mismatch
} else := {
	"decision": "deny",
	"reason": "tool_content_hash_missing",
	"message": "the manifest declares no hash for the tool",
} if {
	section.require == true
	not declared_hash
}
