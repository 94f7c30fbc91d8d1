"""What ``headcount-sim`` remembers of manifests changes nothing: what happens is the same, call by call."""

import json
import subprocess
import sys

PROGRAM = """
import json
import sys
from headcount_simulation.crash_points import STORIES
from headcount_simulation.simulating import simulate
from headcount_simulation.values import hasten

if sys.argv[1] == "hastened":
    hasten()
outcomes = {name: simulate(day, keep_story=True) for name, day in STORIES.items()}
print(json.dumps({name: [one.calls, one.passes, one.tasks, one.story] for name, one in outcomes.items()}))
"""


def test_what_happens_where_functions_of_a_manifest_are_remembered_is_the_same() -> None:
    plain, hastened = (_stories(how) for how in ("plain", "hastened"))
    assert hastened == plain


def _stories(how: str) -> object:
    """In a process of its own: what is hastened stays so."""
    done = subprocess.run([sys.executable, "-c", PROGRAM, how], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)
