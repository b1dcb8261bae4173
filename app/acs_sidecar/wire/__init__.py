"""What goes over the wire: requests, responses, problem details (contract 2.1, 2.2)."""
