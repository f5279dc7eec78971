"""Plain tables for people."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

UNLIMITED = 10_000  # columns, where the output is not a terminal and must not be wrapped


def table_text(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Set `rows` in columns below `head`; wrapped to the terminal's width, or one line a row when piped."""
    table = Table(*head, box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for row in rows:
        table.add_row(*map(Text, row))
    buffer = io.StringIO()
    shown = sys.stdout is not None and sys.stdout.isatty()
    Console(file=buffer, width=None if shown else UNLIMITED, no_color=True).print(table)
    return "\n".join(line.rstrip() for line in buffer.getvalue().rstrip().splitlines())
