"""Uncompressed files that break off."""

from __future__ import annotations

from pathlib import Path

import pytest

from lipblend.pairing.scan import Scan
from lipblend.video.probe import probe
from lipblend.video.y4m import ends_within_a_frame


def by_hand(size: tuple[int, int], chroma: str, samples: int, frames: int = 3) -> bytes:
    head = f"YUV4MPEG2 W{size[0]} H{size[1]} F25:1 Ip A1:1 {chroma}\n".encode()
    return head + b"".join(b"FRAME\n" + bytes([60 + 20 * number]) * samples for number in range(frames))


@pytest.mark.parametrize(
    ("size", "chroma", "samples"),
    [
        ((64, 48), "C420jpeg", 64 * 48 * 3 // 2),
        ((65, 47), "C420jpeg", 65 * 47 + 2 * 33 * 24),
        ((64, 48), "C444", 64 * 48 * 3),
        ((64, 48), "C422", 64 * 48 * 2),
        ((64, 48), "Cmono", 64 * 48),
    ],
)
def test_a_file_that_ends_within_a_frame_is_damaged(
    size: tuple[int, int], chroma: str, samples: int, tmp_path: Path
) -> None:
    whole, path = by_hand(size, chroma, samples), tmp_path / "a.y4m"
    for cut, is_damaged in ((0, False), (1, True), (samples // 2, True), (samples + len(b"FRAME\n"), False)):
        path.write_bytes(whole[: len(whole) - cut])
        assert ends_within_a_frame(probe(path)) == is_damaged, cut


def test_a_scan_tells_of_it(tmp_path: Path) -> None:
    path = tmp_path / "a.y4m"
    path.write_bytes(by_hand((64, 48), "C420jpeg", 64 * 48 * 3 // 2)[:-100])
    scan = Scan(probe(path))
    with scan.reader() as reader:
        for _ in reader:
            pass
        scan.finish(reader)
    assert scan.damage == ("a.y4m is cut short: it ends within a frame",)
