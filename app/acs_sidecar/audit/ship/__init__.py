"""Shipping the logs of a machine to the stream of the fleet (contract 4.2)."""
