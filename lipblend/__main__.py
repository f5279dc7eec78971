"""``python -m lipblend``."""

from lipblend.cli.entry import main

main()
