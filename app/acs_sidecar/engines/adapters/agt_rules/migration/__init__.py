"""From documents that the toolkit evaluates to a policy of this adapter: what changes (section 7.9)."""
