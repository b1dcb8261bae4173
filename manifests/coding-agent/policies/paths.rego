# Where a path leads, told from its text: nothing is resolved, so whatever could mean two things is refused.
# A link inside the workspace can still lead out of it: that is the tool's to check.
package coding.paths

import rego.v1

# Texts that a tool may decode into another path: percent signs, backslashes, look-alikes, control characters.
encoded(path) if {
	some character in ["%", `\`, "\u0000", "\n", "\r", "\t", "\u2024", "\u2025", "\u2215", "\u2044", "\uff0e", "\uff0f", "\uff3c"]
	contains(path, character)
}

outside(path) if ".." in split(path, "/")

outside(path) if startswith(path, "~")

outside(path) if {
	startswith(path, "/")
	not below_workspace(path)
}

below_workspace(path) if path == data.settings.workspace

below_workspace(path) if startswith(path, concat("", [data.settings.workspace, "/"]))

protected(path) if {
	some part in split(lower(path), "/")
	name := trim_right(part, " .") # some file systems drop these
	name in data.settings.protected
}
