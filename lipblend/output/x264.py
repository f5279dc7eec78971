"""What x264 has to be told for the same pictures to give the same bytes.

Its AVX-512 version of ``mbtree_propagate_list`` takes macroblocks by eights and does not leave out those of the last
eight that lie beyond the end of a row. In the last row it so reads memory that nobody wrote, and where that says
"moved left" it adds to the costs from which quantisers are made; in the rows above it does so with the row below. Only
pictures whose width in macroblocks is a multiple of eight are spared. The version for AVX2 gives what the plain C code
does, on every machine. Report with numbers: docs/lab/x264-avx512-mbtree.md.
"""

from __future__ import annotations

import cv2

_OPENCV_AVX512_SKX = 256  # CV_CPU_AVX512_SKX: F, CD, BW, DQ, VL; the same that x264 asks for (x264_cpu_detect)


def steady_options() -> dict[str, str]:
    """FFmpeg's options for libx264 that keep its output from hanging on what memory held before.

    Returns
    -------
    dict of str to str
        x264's own parameters; none where the processor has no AVX-512.
    """
    # Naming what a processor does not have would end in an illegal instruction; what has AVX-512 has AVX2.
    return {"x264-params": "asm=avx2"} if cv2.checkHardwareSupport(_OPENCV_AVX512_SKX) else {}
