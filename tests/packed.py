"""An analysis as the bytes of a cache entry."""

from __future__ import annotations

import io

from lipblend.analysis.archive import to_file
from lipblend.analysis.clip_analysis import ClipAnalysis


def to_bytes(analysis: ClipAnalysis, key: str) -> bytes:
    packed = io.BytesIO()
    to_file(analysis, key, packed)
    return packed.getvalue()
