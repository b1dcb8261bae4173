"""Which controls a text declares: statements of Markdown, terms, polarity, rules (sections 11.3, 11.4)."""
