"""How a call reaches the service: addresses, sockets and HTTP (section 12.2)."""
