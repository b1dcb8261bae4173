# Tools that work on one file; that `path` and what is written are texts was checked before.
package coding.files

import rego.v1

args := input.policy_target.value

verdict := {
	"decision": "deny",
	"reason": "path_encoded",
	"message": "Use a plain path: no %, no backslash, no control characters.",
} if {
	data.coding.paths.encoded(args.path)
} else := {
	"decision": "deny",
	"reason": "path_outside_workspace",
	"message": sprintf("Paths are relative, or below %v.", [data.settings.workspace]),
} if {
	data.coding.paths.outside(args.path)
} else := {
	"decision": "deny",
	"reason": "path_protected",
} if {
	data.coding.paths.protected(args.path)
} else := {
	"decision": "escalate",
	"reason": "secret_in_file",
	"message": "A person decides on files that hold keys.",
} if {
	some text in written
	data.coding.secrets.certain(text)
} else := {
	"decision": "warn",
	"reason": "password_in_file",
} if {
	some text in written
	data.coding.secrets.likely(text)
} else := {"decision": "allow"}

written := [args[name] | some name in ["content", "new"]]
