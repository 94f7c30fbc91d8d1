"""One module a command. Each reads top to bottom: ask control, show the answer."""
