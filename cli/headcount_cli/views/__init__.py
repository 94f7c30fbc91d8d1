"""Answers as a person reads them: pure functions from JSON to rich renderables, made for 80 columns."""
