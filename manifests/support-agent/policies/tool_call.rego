# Every call starts as a deny; one rule for each kind of tool can lift that.
package support.tool_call

import rego.v1

default verdict := {"decision": "deny", "reason": "no_rule_for_this_tool"}

verdict := {"decision": "allow"} if input.tool.effect == "read"

verdict := data.support.refund.verdict if input.tool.name == "issue_refund"

verdict := data.support.email.verdict if input.tool.name == "send_email"
