# Rules for shell commands: `{"command": text}`. They hold for what stands in the command; a program that
# the agent wrote and then runs can do whatever the sandbox around it lets it do.
package coding.shell

import rego.v1

default verdict := {"decision": "deny", "reason": "command_missing"}

verdict := {
	"decision": "deny",
	"reason": "unreadable_command",
	"message": sprintf("Write it without %v: one plain command a call.", [concat(", ", sort(data.coding.words.unreadable))]),
} if {
	count(data.coding.words.unreadable) > 0
	count(denials) == 0
} else := {
	"decision": "deny",
	"reason": min(denials),
	"message": sprintf("Not allowed: %v.", [concat(", ", sort(denials))]),
} if {
	count(denials) > 0
} else := {
	"decision": "escalate",
	"reason": min(questions),
	"message": sprintf("A person decides: %v.", [concat(", ", sort(questions))]),
} if {
	count(questions) > 0
} else := {
	"decision": "warn",
	"reason": min(remarks),
} if {
	count(remarks) > 0
} else := {"decision": "allow"} if {
	count(data.coding.words.programs) > 0
}

# -- denied --------------------------------------------------------------------------------------------------

denials contains "destructive_command" if {
	some name, _ in data.coding.words.programs
	split(name, ".")[0] in data.settings.destructive
}

denials contains "destructive_command" if {
	some program in data.coding.words.programs.rm
	recursive(program.args)
	wide(program)
}

denials contains "destructive_command" if {
	some program in data.coding.words.programs.find
	some flag in ["-delete", "-fprint", "-fprint0", "-fprintf", "-fls"]
	flag in program.args
}

# What a search or a pipe names may be everything there is.
denials contains "destructive_command" if {
	some name in ["rm", "rmdir", "unlink", "truncate"]
	some program in data.coding.words.programs[name]
	program.supplied
}

denials contains "forced_push" if {
	some program in data.coding.words.programs.git
	"push" in program.args
	some argument in program.args
	forces(argument)
}

denials contains "privilege_escalation" if {
	some name in data.settings.privileged
	data.coding.words.programs[name]
}

denials contains "pipe_to_interpreter" if {
	data.coding.words.pipes
	some name in data.settings.interpreters
	data.coding.words.programs[name]
}

denials contains "code_in_argument" if {
	some name in data.settings.interpreters
	some program in data.coding.words.programs[name]
	some argument in program.args
	is_code_flag(argument)
}

denials contains "code_in_argument" if {
	some name in ["eval", "source", "trap", "alias"]
	data.coding.words.programs[name]
}

denials contains "code_in_argument" if {
	some command in data.coding.words.commands
	command[0] == "."
}

# git runs commands out of its configuration.
denials contains "code_in_argument" if {
	some program in data.coding.words.programs.git
	some i, argument in program.args
	startswith(argument, "-c")
	contains(concat("", array.slice(program.args, i, i + 2)), "=")
}

denials contains "code_in_argument" if {
	some program in data.coding.words.programs.git
	some argument in program.args
	some flag in ["--config-env", "--upload-pack", "--receive-pack", "--open-files", "--exec", "--ext", "-O", "ext::"]
	startswith(argument, flag)
}

denials contains "code_in_argument" if {
	some program in data.coding.words.programs.git
	some command in ["difftool", "mergetool", "rebase"]
	command in program.args
	some argument in program.args
	startswith(argument, "-")
	not startswith(argument, "--")
	contains(argument, "x")
}

# Options and subcommands of other programs that run what they are handed.
denials contains "code_in_argument" if {
	some name, options in data.settings.runs
	some program in data.coding.words.programs[name]
	some argument in program.args
	some option in options
	is_option(argument, option)
}

denials contains "path_outside_workspace" if {
	some path in data.coding.words.named
	data.coding.paths.outside(path)
	not path in data.settings.devices
}

# `.?` and `.[.]` are patterns that `..` matches.
denials contains "path_outside_workspace" if {
	some path in data.coding.words.named
	some part in split(path, "/")
	startswith(part, ".")
	some mark in ["*", "?", "["]
	contains(part, mark)
}

denials contains "path_outside_workspace" if {
	some command in data.coding.words.commands
	command in [["cd"], ["cd", "-"]]
}

denials contains "path_protected" if {
	some path in data.coding.words.named
	data.coding.paths.protected(path)
}

recursive(arguments) if {
	some argument in arguments
	startswith(argument, "--r") # options may be shortened
}

recursive(arguments) if {
	some argument in arguments
	startswith(argument, "-")
	not startswith(argument, "--")
	contains(lower(argument), "r")
}

# A target that may be everything there is, or that another program supplies.
wide(program) if program.wrapped

wide(program) if {
	some argument in program.args
	trim_right(argument, "/.") in {"", "~"}
}

wide(program) if {
	some argument in program.args
	some mark in ["*", "?", "["]
	contains(argument, mark)
}

# --force and its kin, also shortened; --mirror, --delete, --prune; +branch and :branch.
forces(argument) if {
	some start in ["--f", "--m", "--d", "--pr", "+", ":"]
	startswith(argument, start)
	not startswith(argument, "--fol")
}

forces(argument) if {
	startswith(argument, "-")
	not startswith(argument, "--")
	some letter in ["f", "d"]
	contains(argument, letter)
}

is_option(argument, option) if split(argument, "=")[0] == option

is_option(argument, option) if { # options may be shortened
	startswith(argument, "--")
	count(split(argument, "=")[0]) > 3
	startswith(option, split(argument, "=")[0])
}

is_code_flag(argument) if argument in {"-", "-p", "--eval", "--print", "--require", "--import", "--command"}

is_code_flag(argument) if {
	startswith(argument, "-")
	not startswith(argument, "--")
	some letter in ["c", "e"]
	contains(lower(argument), letter)
}

# -- asked ---------------------------------------------------------------------------------------------------

questions contains "program_not_listed" if {
	some command in data.coding.words.commands
	not command[0] in data.settings.programs
}

questions contains "environment_changed" if {
	some command in data.coding.words.commands
	contains(command[0], "=")
}

questions contains "publishes_code" if {
	some program in data.coding.words.programs.git
	"push" in program.args
}

questions contains "git_discards_or_reconfigures" if {
	some program in data.coding.words.programs.git
	some word in data.settings.risky_git
	word in program.args
}

# -- remarked ------------------------------------------------------------------------------------------------

remarks contains "installs_packages" if {
	some name in ["pip", "npm"]
	some program in data.coding.words.programs[name]
	some word in ["install", "i", "add", "ci"]
	word in program.args
}

remarks contains "deletes_tree" if {
	some program in data.coding.words.programs.rm
	recursive(program.args)
}
