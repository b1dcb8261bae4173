"""What is told of decisions while they happen (section 5)."""
