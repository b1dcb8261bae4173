"""What goes over the wire: requests, responses, problem details (sections 2.1, 2.2)."""
