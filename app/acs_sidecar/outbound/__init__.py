"""Calls to other servers: connections, addresses, circuit breakers, fetching (sections 1.6, 3.3)."""
