"""Which of FFmpeg's encoders and decoders are there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from av.codec import Codec
from av.codec.codec import UnknownCodecError


def missing_codecs(names: Iterable[str], mode: Literal["r", "w"]) -> list[str]:
    """Those of `names` that this FFmpeg has no decoder (``r``) or encoder (``w``) for."""
    return [name for name in names if not _is_there(name, mode)]


def _is_there(name: str, mode: Literal["r", "w"]) -> bool:
    try:
        Codec(name, mode)
    except UnknownCodecError:
        return False
    return True
