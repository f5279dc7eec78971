"""Checks of an output before any work."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import pytest

from lipblend.errors import OutputError, SettingsError
from lipblend.output.encoders import container_format, memory_output
from lipblend.output.encoding import add_video_stream, check_output
from lipblend.settings import EncodeSettings
from lipblend.video.probe import probe
from tests.small_videos import QUICK, MakeVideo


@pytest.mark.parametrize("suffix", [".mp4", ".m4v", ".mov", ".mkv", ".MP4"])
def test_a_good_output_passes_and_leaves_no_file(make_video: MakeVideo, tmp_path: Path, suffix: str) -> None:
    source = make_video()
    check_output(tmp_path / f"out{suffix}", probe(source), QUICK, [source])
    assert [path.name for path in tmp_path.iterdir()] == ["original.mp4"]


@pytest.mark.parametrize("name", ["out.avi", "out", "out.mp3"])
def test_suffix(make_video: MakeVideo, tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputError, match=r"\.mp4, \.m4v, \.mov, \.mkv, \.webm"):
        check_output(tmp_path / name, probe(make_video()), QUICK, [])


def test_folder(make_video: MakeVideo, tmp_path: Path) -> None:
    info = probe(make_video())
    with pytest.raises(OutputError, match="does not exist"):
        check_output(tmp_path / "no" / "out.mp4", info, QUICK, [])
    (tmp_path / "dir.mp4").mkdir()
    with pytest.raises(OutputError, match="is a folder"):
        check_output(tmp_path / "dir.mp4", info, QUICK, [])


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_read_only_folder(make_video: MakeVideo, tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    with pytest.raises(OutputError, match="cannot write to the folder"):
        check_output(locked / "out.mp4", probe(make_video()), QUICK, [])


def test_inputs_are_not_overwritten(make_video: MakeVideo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = make_video()
    info = probe(source)
    with pytest.raises(OutputError, match="is an input"):
        check_output(source, info, QUICK, [source])
    (tmp_path / "link.mp4").symlink_to(source)
    with pytest.raises(OutputError, match="is an input"):
        check_output(tmp_path / "link.mp4", info, QUICK, [source])
    os.link(source, tmp_path / "hard.mp4")
    with pytest.raises(OutputError, match="is an input"):
        check_output(tmp_path / "hard.mp4", info, QUICK, [source])
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OutputError, match="is an input"):
        check_output(Path("original.mp4"), info, QUICK, [source])


@pytest.mark.parametrize("encoder", ["libx2645", "aac", ""])
def test_unknown_encoder(make_video: MakeVideo, tmp_path: Path, encoder: str) -> None:
    with pytest.raises(SettingsError, match="libx264"):
        check_output(tmp_path / "out.mp4", probe(make_video()), EncodeSettings(encoder=encoder), [])


def test_pixel_format_that_an_encoder_cannot_take(make_video: MakeVideo, tmp_path: Path) -> None:
    info = probe(make_video(pix_fmt="yuv422p10le"))
    with pytest.raises(OutputError, match="libsvtav1 cannot encode yuv422p10le") as caught:
        check_output(tmp_path / "out.mkv", info, EncodeSettings(encoder="libsvtav1"), [])
    assert "libx264" in caught.value.hint
    assert "ffv1" in caught.value.hint
    with pytest.raises(OutputError) as caught:
        check_output(tmp_path / "out.webm", info, EncodeSettings(encoder="mpeg4"), [])
    assert "libx264" not in caught.value.hint


def test_encoder_that_does_not_fit_the_container(make_video: MakeVideo, tmp_path: Path) -> None:
    info = probe(make_video())
    with pytest.raises(OutputError, match="cannot hold the output of libx264") as caught:
        check_output(tmp_path / "out.webm", info, QUICK, [])
    assert "libvpx-vp9" in caught.value.hint


@pytest.mark.parametrize(("suffix", "said"), [("mp4", True), ("mkv", False)])
def test_a_note_warns_of_ffv1_in_mp4(make_video: MakeVideo, tmp_path: Path, suffix: str, said: bool) -> None:
    info, path = probe(make_video()), tmp_path / f"out.{suffix}"
    with memory_output(container_format(path)) as container:
        _, notes = add_video_stream(container, path, info, EncodeSettings(encoder="ffv1"))
    assert any("hardly any player supports ffv1" in note and ".mkv" in note for note in notes) == said


def test_odd_sizes_and_bad_presets_are_found_before_the_work(make_video: MakeVideo, tmp_path: Path) -> None:
    odd = probe(make_video("odd.mkv", codec="ffv1", options={}, size=(63, 47)))
    with pytest.raises(OutputError, match="63x47"):
        check_output(tmp_path / "out.mp4", odd, QUICK, [])
    check_output(tmp_path / "out.mkv", odd, EncodeSettings(encoder="ffv1"), [])
    with pytest.raises(SettingsError, match=r"libx264 has no preset .speedy.") as caught:
        check_output(tmp_path / "out.mp4", probe(make_video()), EncodeSettings(preset="speedy"), [])
    assert "ultrafast, " in caught.value.hint


def test_a_clock_too_fine_for_an_encoder_is_found(make_video: MakeVideo, tmp_path: Path) -> None:
    info = probe(make_video(time_base=Fraction(1, 90000), durations=(3600,)))
    with pytest.raises(OutputError, match="time base 1/90000"):
        check_output(tmp_path / "out.mp4", info, EncodeSettings(encoder="mpeg4"), [])
