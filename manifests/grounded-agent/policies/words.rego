# Values as they are written, and whether one stands in a text. Knows no tool and decides nothing.
package words

import rego.v1

# Texts, numbers and booleans, however deep; the names in an object are values too.
leaves(value) := found if {
	found := scalars(value) | {name | walk(value, [path, _]); some name in path; is_string(name)}
}

scalars(value) := found if {
	found := {leaf | walk(value, [_, leaf]); not is_object(leaf); not is_array(leaf); not is_null(leaf)}
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

# A value stands in one of the texts.
found(value, given) if {
	some form in forms(value)
	some text in given
	stands(form, text)
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
