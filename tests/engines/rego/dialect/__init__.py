"""Tests of what is rewritten or refused to mean what it does in OPA."""
