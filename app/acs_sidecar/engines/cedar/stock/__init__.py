"""The stock library in Cedar: its policies, and what they read of a request (section 8.1)."""
