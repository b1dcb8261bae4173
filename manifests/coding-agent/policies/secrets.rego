# Secrets in text. A pattern is slow beside `contains`: each is tried only behind the word that it needs.
package coding.secrets

import rego.v1

patterns := {
	"PRIVATE KEY-----": `-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----`,
	"AKIA": `AKIA[0-9A-Z]{16}`,
	"gh": `gh[oprsu]_[A-Za-z0-9]{36}`,
	"xox": `xox[abprs]-[A-Za-z0-9-]{10,}`,
}

certain(text) if {
	some word, pattern in patterns
	contains(text, word)
	regex.match(pattern, text)
}

likely(text) if {
	some word in ["password", "passwd", "secret", "api_key", "apikey", "token"]
	contains(lower(text), word)
	regex.match(`(password|passwd|secret|api_?key|token)["']?[ ]*[:=][ ]*["'][^"']{8}`, lower(text))
}

# What `certain` finds, replaced. A private key goes to its end, and without an end to the end of the text.
without(text) := regex.replace(text, concat("|", [block | some pattern in patterns; block := whole(pattern)]), "[secret]")

whole(pattern) := concat("", [pattern, `((.|\n)*?-----END [A-Z0-9 ]*PRIVATE KEY-----|(.|\n)*)`]) if {
	startswith(pattern, "-")
} else := pattern
