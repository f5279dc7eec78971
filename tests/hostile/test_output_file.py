"""How a file gets its name: complete, with the usual permissions, and without replacing what it may not."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import sys
import threading
from pathlib import Path

import kills
import pytest
from runs import composited

from lipblend.errors import OutputError
from lipblend.output.sound.audio_plan import AudioPlan
from lipblend.output.writer import VideoWriter
from lipblend.runtime import files
from lipblend.runtime.files import UnfinishedFile
from lipblend.settings import EncodeSettings, Settings
from lipblend.video.probe import probe
from lipblend.video.reader import VideoReader

SHORT = 4
OLD = b"what was there before"
MODES = ("nameless", "named", "no hard links")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kills.make_clip(tmp_path_factory.mktemp("clip"), SHORT)


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each way of publishing a file under its name."""
    if request.param != "nameless":
        monkeypatch.setattr(files, "_open_nameless", lambda folder, *_: None)
    if request.param == "no hard links":
        monkeypatch.setattr(os, "link", _no_link)
    return str(request.param)


def _no_link(*_: object, **__: object) -> None:
    raise OSError(errno.EPERM, "Operation not permitted")


def fill(path: Path, data: bytes, **options: bool) -> None:
    file = UnfinishedFile(path)
    try:
        file.path.write_bytes(data)
        file.publish(overwrite=options["overwrite"])
    finally:
        file.discard()


def test_a_file_gets_its_name_when_published(mode: str, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    for overwrite, data in ((False, b"one"), (True, b"two")):
        fill(out, data, overwrite=overwrite)
        assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]
        assert out.read_bytes() == data
    with pytest.raises(OutputError, match="already exists"):
        fill(out, b"three", overwrite=False)
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]
    assert out.read_bytes() == b"two"


def test_the_permissions_are_those_of_any_new_file(mode: str, tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"")
    fill(tmp_path / "out.mp4", b"one", overwrite=True)
    assert stat.S_IMODE((tmp_path / "out.mp4").stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)


def test_a_discarded_file_leaves_nothing_and_no_descriptor(mode: str, tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd")) if sys.platform.startswith("linux") else 0
    for _ in range(5):
        file = UnfinishedFile(tmp_path / "out.mp4")
        file.path.write_bytes(b"one")
        file.discard()
        file.discard()
    assert list(tmp_path.iterdir()) == []
    assert before == (len(os.listdir("/proc/self/fd")) if sys.platform.startswith("linux") else 0)


def test_a_nameless_file_that_cannot_be_linked_is_copied(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "link", _no_link)
    fill(tmp_path / "out.mp4", b"one", overwrite=False)
    fill(tmp_path / "out.mp4", b"two", overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]
    assert (tmp_path / "out.mp4").read_bytes() == b"two"


def test_only_one_of_several_runs_without_overwrite_gets_the_name(mode: str, tmp_path: Path) -> None:
    for lap in range(20):
        out = tmp_path / f"{lap}.mp4"
        files = [UnfinishedFile(out) for _ in range(4)]
        for number, file in enumerate(files):
            file.path.write_bytes(b"%d" % number)
        start = threading.Barrier(len(files))
        outcomes: dict[int, bool] = {}

        def publish(number: int, file: UnfinishedFile, start: threading.Barrier, outcomes: dict[int, bool]) -> None:
            start.wait()
            try:
                file.publish(overwrite=False)
                outcomes[number] = True
            except OutputError:
                outcomes[number] = False
            finally:
                file.discard()

        threads = [threading.Thread(target=publish, args=(*item, start, outcomes)) for item in enumerate(files)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        (winner,) = [number for number, won in outcomes.items() if won]
        assert len(outcomes) == len(files)
        assert out.read_bytes() == b"%d" % winner
    assert len(list(tmp_path.iterdir())) == 20


def write_all(clip: Path, output: Path, *, overwrite: bool = True, meanwhile: object = None) -> None:
    info = probe(clip)
    silent = AudioPlan(None, None, "none", ())
    encode = EncodeSettings(preset="ultrafast")
    with (
        VideoReader(info) as reader,
        VideoWriter(output, info, encode=encode, audio=silent, extras_from=info, overwrite=overwrite) as writer,
    ):
        for frame in reader:
            writer.write(frame)
            if frame.index == 1 and callable(meanwhile):
                meanwhile()


def test_a_file_created_during_the_run_is_not_overwritten(mode: str, clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    with pytest.raises(OutputError, match="already exists"):
        write_all(clip, out, overwrite=False, meanwhile=lambda: out.write_bytes(OLD))
    assert out.read_bytes() == OLD
    assert len(list(tmp_path.iterdir())) == 1


def test_a_folder_deleted_during_the_run(mode: str, clip: Path, tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    with pytest.raises(OutputError, match="cannot be written"):
        write_all(clip, folder / "out.mp4", meanwhile=lambda: shutil.rmtree(folder))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_created_under_the_name_during_the_run(mode: str, clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    with pytest.raises(OutputError, match="cannot be written"):
        write_all(clip, out, meanwhile=out.mkdir)
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


def test_the_library_does_not_overwrite_on_request(clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    out.write_bytes(OLD)
    with pytest.raises(OutputError, match="already exists"):
        composited(clip, clip, out, settings=Settings(), overwrite=False)
    assert out.read_bytes() == OLD
