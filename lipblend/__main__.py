"""``python -m lipblend``."""

from lipblend.cli.app import main

main()
