"""Composite runs: which of their parts should exist now, and what has come of them. Pure, as all of decide."""
