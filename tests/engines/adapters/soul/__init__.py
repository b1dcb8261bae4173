"""Tests of the adapter `soul` (section 11)."""
