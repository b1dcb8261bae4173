"""What each local detector finds, and what it leaves alone."""
