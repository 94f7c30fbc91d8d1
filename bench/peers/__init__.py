"""Headcount beside Docker Swarm: the same failures and the same growth, on the same machine, in turn.

The engine is started with what starts the one of `make sam-local`, which lies with its tests.
"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "tests"))
