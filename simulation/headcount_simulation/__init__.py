"""Headcount on virtual time: the real loop above the ports, in a seeded world that misbehaves as AWS does."""
