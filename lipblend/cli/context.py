"""What every command of the command line is parsed with."""

from __future__ import annotations

from typing import Any

CONTEXT: dict[str, Any] = {"help_option_names": ["--help", "-h"]}
