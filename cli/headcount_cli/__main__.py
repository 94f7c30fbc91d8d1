"""``python -m headcount_cli``."""

from headcount_cli.main import main

main()
