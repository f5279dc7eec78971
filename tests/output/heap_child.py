"""Encodes a video with some encoders in a process whose heap was used before, and prints digests as JSON.

``python -m tests.output.heap_child FILL VIDEO ENCODER...``: with FILL 0 to 255, glibc fills every block that it hands
out with that byte, and every one that it gets back with its complement; ``junk`` leaves random bytes in the heap
instead, others each time. The allocator is set, and the encoders are set up, as the program does it.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import random
import sys
from pathlib import Path

from lipblend.output.coded import SegmentEncoder
from lipblend.runtime.allocator import keep_freed_memory
from lipblend.settings import EncodeSettings
from lipblend.video.probe import probe
from lipblend.video.reader import VideoReader

_M_PERTURB = -6
_JUNK_BYTES = 96 << 20
_SIZES = (40, 200, 1000, 5000, 20_000, 70_000, 300_000, 900_000, 2_500_000, 5_000_000)


def use_heap(fill: str) -> None:
    """Make the memory that malloc hands out hold something."""
    libc = ctypes.CDLL(None)
    if fill != "junk":
        assert libc.mallopt(_M_PERTURB, 255 - int(fill)) == 1 or int(fill) == 255
        return
    libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = (
        ctypes.c_void_p,
        [ctypes.c_size_t],
        [ctypes.c_void_p],
    )
    chance = random.Random(os.urandom(8))
    junk = chance.randbytes(2 * _SIZES[-1])
    blocks, left = [], _JUNK_BYTES
    while left > 0:
        size = chance.randrange(chance.choice(_SIZES)) + 1
        block = libc.malloc(size)
        start = chance.randrange(len(junk) - size)
        ctypes.memmove(block, junk[start : start + size], size)
        blocks.append(block)
        left -= size
    chance.shuffle(blocks)
    for block in blocks:
        libc.free(block)


def digests(path: Path, encoders: list[str]) -> dict[str, str]:
    """MD5 of the packets that each encoder makes of a video, and of the pictures themselves."""
    info = probe(path)
    found = {}
    for name in encoders:
        digest, pictures = hashlib.md5(), hashlib.md5()
        with (
            SegmentEncoder(Path("out.mkv"), info, EncodeSettings(encoder=name)) as encoder,
            VideoReader(info) as reader,
        ):
            for frame in reader:
                for plane in frame.planes:
                    pictures.update(plane.tobytes())
                for packet in encoder.encode(frame.writable()):
                    digest.update(repr(packet).encode())
            for packet in encoder.finish():
                digest.update(repr(packet).encode())
            digest.update(encoder.header)
        found[name] = digest.hexdigest()
        found["pictures"] = pictures.hexdigest()
    return found


if __name__ == "__main__":
    keep_freed_memory()
    use_heap(sys.argv[1])
    print(json.dumps(digests(Path(sys.argv[2]), sys.argv[3:])), flush=True)
    os._exit(0)
