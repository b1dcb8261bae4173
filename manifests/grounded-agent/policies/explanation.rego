# What a person is shown of a call. Decides nothing.
package explanation

import rego.v1

kept := input.snapshot.provenance

# What the person is shown, doubts first: an attacker could put a hundred harmless values before the one that matters.
text := sprintf("A person decides on %s: %s%s%s", [input.tool.name, concat("; ", array.slice(all, 0, 8)), more, dropped])

all := array.concat([line(doubt) | some doubt in data.grounded.doubts], [line(value) | some value in data.grounded.values - data.grounded.doubts])

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
	found := sort({"the user" | data.words.found(value, kept.user)} |
		{sprintf("%s (%s)", [given.name, kind(given)]) |
			some given in kept.tools
			data.words.found(value, data.words.texts(given.value))
		})
	count(found) > 0
} else := ["nowhere that was read"]

kind(given) := concat(", ", given.labels) if count(given.labels) > 0

else := "not trusted"
