"""What an audit log costs by its length."""
