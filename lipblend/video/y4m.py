"""YUV4MPEG2 files: uncompressed frames one after the other, without an index, as they come through pipes."""

from __future__ import annotations

from lipblend.video.info import VideoInfo

CONTAINER = "yuv4mpegpipe"
"""FFmpeg's name of the format."""
_MOST_LINE = 4096


def ends_within_a_frame(info: VideoInfo) -> bool:
    """Whether a file breaks off in the middle of a frame, as when the program before a pipe has died.

    FFmpeg leaves such a frame out without a word. Files with parameters in the frames' own headers are taken for whole.
    """
    layout = info.layout
    wide, high = (-(-length // (1 << shift)) for length, shift in (
        (info.width, layout.chroma_w_shift), (info.height, layout.chroma_h_shift)
    ))  # fmt: skip
    samples = info.width * info.height + (2 * wide * high if layout.planes > 1 else 0)
    frame = len(b"FRAME\n") + samples * (1 if layout.depth == 8 else 2)
    with info.path.open("rb") as file:
        head = file.readline(_MOST_LINE)
        if file.readline(_MOST_LINE) != b"FRAME\n":
            return False
    return (info.size_bytes - len(head)) % frame != 0
