"""Which generation of the specification a manifest is written for, and what that changes (section 6)."""
