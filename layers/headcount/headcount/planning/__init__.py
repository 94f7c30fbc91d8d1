"""The decisions. Pure: no clock, no I/O, no randomness, no exceptions. Start reading at ``plan.py``."""
