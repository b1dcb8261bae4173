"""Events, metrics and traces of decisions (section 5)."""
