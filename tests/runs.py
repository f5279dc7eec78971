"""Whole runs, their options as keywords."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lipblend import CompositeResult, compositing
from lipblend.composite_options import CompositeOptions
from lipblend.runtime.progress import no_progress
from lipblend.settings import Settings


def composited(
    original: Path,
    synced: Path,
    output: Path,
    *,
    settings: Settings | None = None,
    on_progress: Any = no_progress,
    process: Any = None,
    **options: Any,
) -> CompositeResult:
    """`composite` with the fields of `CompositeOptions` as keywords."""
    return compositing.composite(
        original,
        synced,
        output,
        settings=settings,
        options=CompositeOptions(**options),
        on_progress=on_progress,
        process=process,
    )
