"""Measurements of the promises that are about speed and size: ``python -m bench``."""
