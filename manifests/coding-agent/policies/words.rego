# Reads a shell command the way a shell does: quotes, operators, redirections, words. What a shell would
# expand or take from elsewhere is listed in `unreadable`: of that, no text tells what it becomes.
package coding.words

import rego.v1

# Lines that a backslash continues are one, except in quotes.
line := regex.replace(command, `('[^']*'|\\[^\n]|"([^"\\]|\\(.|\n))*")|\\\n`, "$1") if {
	contains(command, "\\\n")
} else := command

command := input.policy_target.value.command

# In this order: a redirection with its target, an operator, a word of plain, escaped and quoted parts, and
# what is left when a quote does not end.
tokens := regex.find_n(
	concat("", [
		`([0-9]*(<<|<>|<&|>&|>>|>\||<|>)|&>>?)[ \t]*(`, part, `)*`,
		`|\|\||\|&|&&|[;&|()\n]`,
		`|(`, part, `)+`,
		`|["'\\]`,
	]),
	line, -1,
)

part := `[^ \t\n;&|()<>"'\\]|\\.|'[^']*'|"([^"\\]|\\(.|\n))*"`

operators := {";", "&", "&&", "|", "||", "|&", "(", ")", "\n"}

pipes if "|" in tokens

pipes if "|&" in tokens

# The words of each simple command, without their quotes.
commands := [words |
	some i, start in array.concat([-1], cuts)
	words := [word |
		some token in array.slice(tokens, start + 1, ends[i])
		not redirection(token)
		word := plain(token)
	]
	count(words) > 0
]

cuts := [i | some i, token in tokens; token in operators]

ends := array.concat(cuts, [count(tokens)])

redirection(token) if startswith(trim_left(token, "0123456789&"), "<")

redirection(token) if startswith(trim_left(token, "0123456789&"), ">")

plain(token) := strings.replace_n({"'": "", `"`: "", `\`: ""}, replace(token, "\\\n", ""))

# What runs, by name, with its arguments; `supplied` where a search or a pipe adds more of them.
programs[program] contains {"wrapped": false, "supplied": false, "args": args} if {
	some words in commands
	program := name(words[0])
	args := array.slice(words, 1, count(words))
}

# Behind `sudo`, `env`, `then`, NAME=value and their like, any word could be the program.
programs[program] contains {"wrapped": true, "supplied": "xargs" in words, "args": args} if {
	some words in commands
	wraps(words[0])
	some i, word in words
	program := name(word)
	args := array.slice(words, i + 1, count(words))
}

programs[program] contains {"wrapped": true, "supplied": true, "args": args} if {
	some words in commands
	some i, word in words
	word in executions
	program := name(words[i + 1])
	args := array.slice(words, i + 2, count(words))
}

programs[program] contains {"wrapped": true, "supplied": true, "args": args} if {
	some words in commands
	some i, word in words
	word in executions
	wraps(words[i + 1])
	some j, later in words
	j > i
	program := name(later)
	args := array.slice(words, j + 1, count(words))
}

# A module of Python that is a program: `python -m pip`, and `-mpip`.
programs[program] contains {"wrapped": true, "supplied": false, "args": args} if {
	some words in commands
	some interpreter in words
	startswith(name(interpreter), "python")
	some i, word in words
	startswith(word, "-")
	endswith(word, "m")
	not startswith(word, "--")
	program := name(words[i + 1])
	args := array.slice(words, i + 2, count(words))
}

programs[program] contains {"wrapped": true, "supplied": false, "args": args} if {
	some words in commands
	some interpreter in words
	startswith(name(interpreter), "python")
	some i, word in words
	startswith(word, "-m")
	program := lower(substring(word, 2, -1))
	program != ""
	args := array.slice(words, i + 1, count(words))
}

executions := {"-exec", "-execdir", "-ok", "-okdir"}

wraps(word) if name(word) in data.settings.wrappers

wraps(word) if contains(word, "=")

name(word) := lower(last(split(word, "/")))

last(parts) := parts[count(parts) - 1]

# Everything that can name a file: words, split at = : , and @; what follows a short flag; redirections.
named contains piece if {
	some words in commands
	some word in words
	not startswith(word, "https://")
	some mark in ["=", ":", ",", "@"]
	some piece in split(word, mark)
}

named contains piece if {
	some words in commands
	some word in words
	startswith(word, "-")
	piece := substring(word, 2, -1)
}

named contains target if {
	some token in tokens
	redirection(token)
	target := trim_left(plain(token), "0123456789&<>| \t")
}

unreadable contains "a quote that does not end" if {
	some token in tokens
	token in {`"`, "'", `\`}
}

unreadable contains "a comment" if {
	some token in tokens
	startswith(token, "#")
}

unreadable contains "a here-document" if {
	some token in tokens
	startswith(trim_left(token, "0123456789"), "<<")
}

unreadable contains "a function" if {
	some i, token in tokens
	token == "("
	tokens[i + 1] == ")"
}

unreadable contains "a pattern as program" if {
	some program, _ in programs
	some mark in ["*", "?", "["]
	contains(program, mark)
	program != "["
}

# $VAR, $(command), $'…' and `command` work in double quotes too; <(command) and {a,b} outside of quotes.
unreadable contains "an expansion" if {
	text := regex.replace(line, `'[^']*'|\\.|("([^"\\]|\\.)*")`, "$1")
	some mark in ["$", "`"]
	contains(text, mark)
}

unreadable contains "an expansion" if {
	text := replace(regex.replace(line, `'[^']*'|\\.|"([^"\\]|\\.)*"`, ""), "{}", "")
	some mark in ["<(", ">(", "{"]
	contains(text, mark)
}
