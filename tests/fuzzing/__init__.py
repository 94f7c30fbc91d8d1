"""What must hold for every input of every parser: shared by the tests (Hypothesis) and by ``fuzz/`` (atheris)."""
