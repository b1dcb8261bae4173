# Texts that go in and out: no card numbers.
package travel.texts

import rego.v1

card := `\b[0-9]{4}[ -]?[0-9]{4}[ -]?[0-9]{4}[ -]?[0-9]{4}\b`
