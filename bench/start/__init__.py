"""What a start costs."""
