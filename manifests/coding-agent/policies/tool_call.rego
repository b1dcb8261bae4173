# Every call starts as a deny; what lifts it is that the rules of its kind have nothing against it.
package coding.tool_call

import rego.v1

args := input.policy_target.value

default verdict := {
	"decision": "deny",
	"reason": "arguments_unknown",
	"message": "An argument is missing, of another type, or not known for this tool.",
}

verdict := {"decision": "deny", "reason": "argument_too_long"} if {
	arguments_known
	too_long
} else := data.coding.files.verdict if {
	arguments_known
	input.tool.kind == "file"
} else := data.coding.shell.verdict if {
	arguments_known
	input.tool.kind == "shell"
}

too_long if {
	some name, length in data.settings.longest
	count(args[name]) > length
}

arguments_known if {
	every name, value in args {
		type_name(value) == input.tool.accepts[name]
	}
	every name in input.tool.needs {
		args[name]
	}
}
