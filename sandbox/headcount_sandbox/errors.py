"""The one error of the sandbox that is meant for its user: its message is printed as it stands, without a traceback."""


class HeadcountSandboxError(Exception):
    """The sandbox cannot do what it was asked: a template that it cannot run, a port that is taken, ..."""
