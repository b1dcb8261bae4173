"""What a decision costs by the size of what it is given."""
