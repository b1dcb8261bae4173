"""Calls to other servers: connections, addresses, circuit breakers, fetching (contract 1.6, 3.3)."""
