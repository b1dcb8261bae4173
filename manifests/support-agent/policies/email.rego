# Mail: `{"to": text or list, "cc"?, "bcc"?, "subject", "body"}`.
package support.email

import rego.v1

args := input.policy_target.value

verdict := {
	"decision": "deny",
	"reason": "email_malformed",
	"message": "Known members are to, cc, bcc, subject and body.",
} if {
	not well_formed
} else := {
	"decision": "deny",
	"reason": "unknown_recipient",
	"message": "Mail goes to the customer of this session and to our own domains.",
} if {
	some address in addresses
	not known(address)
} else := {"decision": "allow"}

well_formed if {
	is_object(args)
	object.keys(args) - {"to", "cc", "bcc", "subject", "body"} == set()
	count(addresses) > 0
}

addresses contains address if {
	some field in ["to", "cc", "bcc"]
	address := args[field]
	not is_array(address)
}

addresses contains address if {
	some field in ["to", "cc", "bcc"]
	is_array(args[field])
	some address in args[field]
}

# Whom the host has authenticated, never whom the model calls the customer.
known(address) if {
	is_string(address)
	lower(address) == lower(input.snapshot.customer.email)
}

known(address) if {
	is_string(address)
	[name, domain] := split(lower(address), "@")
	domain in data.settings.email.domains
	name != ""
	trim(name, "abcdefghijklmnopqrstuvwxyz0123456789.+-_") == "" # nothing but these characters
}
