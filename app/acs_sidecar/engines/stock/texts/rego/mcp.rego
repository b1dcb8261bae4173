# Where a tool of the Model Context Protocol comes from, as the manifest declares it in `mcp_origin`.
package agt.mcp

import rego.v1

default_auth := ["oauth2", "mtls", "api_key", "bearer"]

# The section `mcp`.
gate(section) := refused("mcp_auth_insufficient", "the server of the tool does not authenticate as required") if {
	_ := input.tool.mcp_origin
	not authenticated(section)
} else := refused("mcp_transport_insecure", "the server of the tool is reached without TLS") if {
	_ := input.tool.mcp_origin
	object.get(section, "require_tls", true)
	not secure
}

authenticated(section) if auth in object.get(section, "auth", default_auth)

default auth := "none"

auth := input.tool.mcp_origin.auth

secure if {
	input.tool.mcp_origin.transport == "stdio"
	not input.tool.mcp_origin.url
}

secure if {
	is_string(input.tool.mcp_origin.url)
	startswith(lower(input.tool.mcp_origin.url), "https://")
}

secure if {
	is_string(input.tool.mcp_origin.url)
	url := lower(input.tool.mcp_origin.url)
	startswith(url, "http://")
	authority := split(substring(url, 7, -1), "/")[0]
	is_loopback(authority)
}

# Nothing but a host of this machine and a port: no user, no other way to read it.
is_loopback(authority) if {
	some host in ["localhost", "127.0.0.1", "[::1]"]
	startswith(authority, host)
	trim(substring(authority, count(host), -1), "0123456789") in {"", ":"}
}

refused(reason, message) := {"decision": "deny", "reason": reason, "message": message}
