"""Sockets and processes: how the application is served (contract 2.6)."""
