# Where the values of a call stand: in the user's words, in what a trusted tool gave, elsewhere, or nowhere.
package grounding

import rego.v1

kept := input.snapshot.provenance

# What keeps a call from running without a person: values that are not grounded, critical arguments without one.
doubts contains [name, value] if {
	some [name, value] in values
	not grounded(value)
}

doubts contains [name, null] if {
	some name in input.tool.critical
	count(leaves(object.get(input.snapshot.tool_call.args, name, null))) == 0
}

values contains [name, value] if {
	some name, argument in input.snapshot.tool_call.args
	not name in object.get(input.tool, "free", [])
	some value in leaves(argument)
}

# Texts, numbers and booleans, however deep; the names in an object are values too.
leaves(value) := found if {
	found := scalars(value) | {name | walk(value, [path, _]); some name in path; is_string(name)}
}

scalars(value) := found if {
	found := {leaf | walk(value, [_, leaf]); not is_object(leaf); not is_array(leaf); not is_null(leaf)}
}

grounded(value) if {
	some form in forms(value)
	some text in known
	stands(form, text)
}

known contains text if some text in kept.user

known contains text if {
	some given in kept.tools
	given.labels == ["trusted"]
	some text in texts(given.value)
}

# All texts in what a tool gave, also where one is JSON itself; the names of its fields are nobody's words.
texts(value) := found if {
	read := scalars(value) |
		{leaf | some text in scalars(value); is_string(text); json.is_valid(text); some leaf in scalars(json.unmarshal(text))}
	found := {form | some leaf in read; some form in forms(leaf)}
}

# How a value is written: a text in one way, a number also as 500.00 or 1,500; a boolean is in nobody's words.
forms(value) := {value} if is_string(value)

forms(value) := found if {
	is_number(value)
	short := trim_suffix(json.marshal(value), ".0")
	size := count(short)
	found := {short} |
		{written | some end in [".0", ".00"]; not contains(short, "."); written := concat("", [short, end])} |
		{written | contains(short, "."); written := concat("", [short, "0"])} |
		{written |
			not contains(short, ".")
			size > 3
			size < 7
			written := sprintf("%s,%s", [substring(short, 0, size - 3), substring(short, size - 3, 3)])
		}
}

# `value` is a whole word, or several, of `text`: no part of a longer number, name or address.
stands(value, text) if {
	contains(text, value)
	regex.match(`[\p{L}\p{N}]`, value)
	parts := split(sprintf(" %s ", [text]), value)
	some next in numbers.range(1, count(parts) - 1)
	regex.match("[ \\t\\r\\n\\x{a0}\"'(\\[{<“‘«„#$€£]$", parts[next - 1])
	regex.match("^[.,;:!?\"')\\]}>”’»€]*[ \\t\\r\\n\\x{a0}]", parts[next])
	not regex.match(`[0-9][ \x{a0}]#[0-9]`, sprintf("%s#%s", [parts[next - 1], value])) # 000 of 5 000
	not regex.match(`[0-9]#[ \x{a0}][0-9][0-9][0-9]([^0-9]|$)`, sprintf("%s#%s", [value, parts[next]])) # 5 of 5 000
}

# What the person is shown, doubts first: an attacker could put a hundred harmless values before the one that matters.
explanation := sprintf("A person decides on %s: %s%s%s", [input.tool.name, concat("; ", array.slice(all, 0, 8)), more, dropped])

all := array.concat([line(doubt) | some doubt in doubts], [line(value) | some value in values - doubts])

more := sprintf("; and %d more", [count(all) - 8]) if count(all) > 8

else := ""

dropped := sprintf(" (%d earlier texts are no longer kept)", [kept.dropped]) if kept.dropped > 0

else := ""

line([name, null]) := sprintf("%s is not given", [shown(name)])

line([name, value]) := sprintf("%s %s came from %s", [shown(name), shown(value), concat(", ", origins(value))]) if value != null

# Quoted and cut, without characters that could change how the rest of the line is read.
shown(value) := sprintf("%s%s", [substring(plain, 0, 80), note]) if {
	plain := regex.replace(json.marshal(value), `[^ -~\p{L}\p{N}]`, "?")
	note := notes(plain)
}

notes(plain) := " (not all of it)" if count(plain) > 80

else := " (letters beyond ASCII)" if regex.match(`[^ -~]`, plain)

else := ""

origins(value) := found if {
	found := sort({"the user" | some text in kept.user; some form in forms(value); stands(form, text)} |
		{sprintf("%s (%s)", [given.name, kind(given)]) |
			some given in kept.tools
			some text in texts(given.value)
			some form in forms(value)
			stands(form, text)
		})
	count(found) > 0
} else := ["nowhere that was read"]

kind(given) := concat(", ", given.labels) if count(given.labels) > 0

else := "not trusted"
