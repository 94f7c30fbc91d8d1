"""How many tasks a service should have, by its scaling policies. Pure, as ``planning`` is: start at ``decide.py``."""
