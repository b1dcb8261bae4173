# The section `content_hash`.
package agt.defaults

import data.agt.content_hash
import rego.v1

content_hash_verdict := content_hash.gate(cfg.content_hash) if {
	holds(cfg.content_hash, ["pre_tool_call", "post_tool_call"])
}
