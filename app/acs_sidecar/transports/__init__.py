"""Ways to ask for a decision over a network."""
