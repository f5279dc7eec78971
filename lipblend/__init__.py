"""Blend a lip-synced mouth back into the original video without a visible seam.

The public Python API; everything is loaded when it is first used, so that ``import lipblend`` costs nothing.

    from pathlib import Path
    from lipblend import Settings, composite

    result = composite(Path("orig.mp4"), Path("synced.mp4"), Path("out.mp4"), settings=Settings())
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lipblend.composite_result import CompositeResult as CompositeResult
    from lipblend.compositing import composite as composite
    from lipblend.errors import LipblendError as LipblendError
    from lipblend.runtime.progress import Progress as Progress
    from lipblend.settings import Settings as Settings
    from lipblend.settings.presets import resolve_settings as resolve_settings

_HOMES = {
    "CompositeResult": "lipblend.composite_result",
    "LipblendError": "lipblend.errors",
    "Progress": "lipblend.runtime.progress",
    "Settings": "lipblend.settings",
    "composite": "lipblend.compositing",
    "resolve_settings": "lipblend.settings.presets",
}

__all__ = ["CompositeResult", "LipblendError", "Progress", "Settings", "composite", "resolve_settings"]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'lipblend' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
