"""How long a test waits for what has to come."""

from __future__ import annotations

HANG_S = 900.0
"""Only a guard against hanging, for a machine that is busy with other things too; nothing else may depend on it."""
