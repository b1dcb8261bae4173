"""Tests of the adapter `oags`."""
