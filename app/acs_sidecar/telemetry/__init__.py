"""What is told of decisions while they happen (contract 5)."""
