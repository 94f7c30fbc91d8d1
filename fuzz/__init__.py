"""Fuzzing with atheris, guided by coverage: ``make fuzz`` (``docs/fuzzing.md``)."""
