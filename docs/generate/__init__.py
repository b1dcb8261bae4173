"""Writes the tables of the reference from the code: `make reference`."""
