# Every call starts as a deny; what lifts it is that the rules of its kind have nothing against it.
package coding.tool_call

import rego.v1

args := input.policy_target.value

default verdict := {
	"decision": "deny",
	"reason": "arguments_unknown",
	"message": "An argument is missing, of another type, or not known for this tool.",
}

verdict := data.coding.files.verdict if {
	input.tool.kind == "file"
	arguments_known
}

verdict := data.coding.shell.verdict if {
	input.tool.kind == "shell"
	arguments_known
}

arguments_known if {
	every name, value in args {
		type_name(value) == input.tool.accepts[name]
	}
	every name in input.tool.needs {
		args[name]
	}
}
