"""Frozen values: what a user declares, what was observed, what is to be done. No behaviour that needs the world."""
