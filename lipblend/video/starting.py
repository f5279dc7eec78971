"""Codecs are started under guard: the process is afterwards as it was."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

from av.codec.context import CodecContext

from lipblend.runtime.native.guard import process_state_preserved


def starting(codec: CodecContext | None) -> AbstractContextManager[None]:
    """Around every call that encodes or decodes: the first one starts the codec, and is guarded.

    Parameters
    ----------
    codec : CodecContext or None
        None where nothing can be started.
    """
    return nullcontext() if codec is None or codec.is_open else process_state_preserved()
