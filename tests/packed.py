"""An analysis as the bytes of a cache entry."""

from __future__ import annotations

import io

from lipblend.analysis.clip import ClipAnalysis
from lipblend.analysis.storage import to_file


def to_bytes(analysis: ClipAnalysis, key: str) -> bytes:
    packed = io.BytesIO()
    to_file(analysis, key, packed)
    return packed.getvalue()
