"""Time limit of tests that wait for something."""

from __future__ import annotations

HANG_S = 900.0
"""Only a guard against hanging, generous enough for a busy machine. Nothing else may depend on it."""
