"""Which rules a request can meet: the engine evaluates these, and not the others (section 1.7.2)."""
