"""Entry point of the ``headcount`` command: nothing heavy is imported before Ctrl-C is harmless.

Until Typer, Rich and the rest are there, Ctrl-C simply ends the process, as it does for programs without a handler;
from then on it is a message like any other.
"""

import signal
import sys


def main() -> None:
    """What the installed ``headcount`` script calls."""
    before = signal.getsignal(signal.SIGINT)
    is_ours = before is signal.default_int_handler  # under nohup and the like it stays ignored
    if is_ours:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from headcount_cli.running import real_world, run, tolerant_streams  # noqa: PLC0415  see above

    tolerant_streams()
    if is_ours:
        signal.signal(signal.SIGINT, before)
    try:
        code = run(sys.argv[1:], real_world())
    except KeyboardInterrupt:  # before the command began, or after it had ended
        code = 1
    sys.exit(code)
