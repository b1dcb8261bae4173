"""Shipping the logs of a machine to the stream of the fleet (section 4.2)."""
