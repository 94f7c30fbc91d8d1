"""Kills task processes whose sandbox died: reads `+<pid>` and `-<pid>` lines; at the end of input the groups left die.

Runs as a program of its own, so that not even SIGKILL of the sandbox leaves a task behind. Standard library only.
"""

import contextlib
import os
import signal
import sys


def main() -> None:
    """Until the end of standard input: the sandbox closes it when it ends, however it ends."""
    groups: set[int] = set()
    for line in sys.stdin:
        change, group = line[0], int(line[1:])
        (groups.add if change == "+" else groups.discard)(group)
    for group in groups:
        with contextlib.suppress(OSError):  # it was gone already
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main()
