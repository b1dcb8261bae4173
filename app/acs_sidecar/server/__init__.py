"""Sockets and processes: how the application is served (section 2.6)."""
