"""The `combine` adapter: several policies of one manifest, asked together (section 17)."""
