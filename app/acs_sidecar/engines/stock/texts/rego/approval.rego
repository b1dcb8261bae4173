# Escalations: a person decides.
package agt.approval

import rego.v1

escalate_if(condition, reason) := {"decision": "escalate", "reason": reason} if {
	condition
	is_string(reason)
}

escalate_if_approver_required(approvers) := {
	"decision": "escalate",
	"reason": "approval_required",
	"message": sprintf("requires approval from %v", [approvers]),
	"evidence": {"approvers": approvers},
} if {
	is_array(approvers)
	count(approvers) > 0
}

escalate_with_message(reason, message) := {"decision": "escalate", "reason": reason, "message": message} if {
	is_string(reason)
	is_string(message)
}

# The section `approval`: without approvers it still asks, and no annotation lifts it.
gate(section) := escalate_if_approver_required(section.approvers) if {
	count(section.approvers) > 0
} else := {"decision": "escalate", "reason": "approval_required", "message": "requires an approval"}
