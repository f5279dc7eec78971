"""Outputs that cannot or must not be written: one clear error, and no partial file."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import subprocess
import sys
import threading
from pathlib import Path

import kills
import pytest
from runs import composited
from typer.testing import CliRunner

from lipblend import compositing
from lipblend.cli.app import app
from lipblend.errors import InputError, OutputError
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


def run(*words: str | Path) -> tuple[int, str]:
    options = ["-q", "--set", "encode.preset=ultrafast", "--set", "track.min_face_px=20"]
    done = CliRunner().invoke(app, ["composite", *map(str, words), *options])
    return done.exit_code, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["itself", "dots", "symlink", "hard link", "folder symlink", "sound", "relative"])
def test_an_output_that_is_an_input(clip: Path, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    source, other, sound = (tmp_path / name for name in ("in.mp4", "other.mp4", "sound.mp4"))
    for path in (source, other, sound):
        shutil.copy(clip, path)
    out = {"dots": f"{tmp_path}/../{tmp_path.name}/in.mp4", "sound": str(sound), "relative": "in.mp4"}.get(
        kind, str(source)
    )
    if kind == "symlink":
        (tmp_path / "link.mp4").symlink_to(source)
        out = str(tmp_path / "link.mp4")
    elif kind == "hard link":
        os.link(source, tmp_path / "link.mp4")
        out = str(tmp_path / "link.mp4")
    elif kind == "folder symlink":
        (tmp_path / "way").symlink_to(tmp_path)
        out = str(tmp_path / "way" / "in.mp4")
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    for first, second in ((source, other), (other, source)):
        code, said = run(first, second, "-o", out, *(["--audio", str(sound)] if kind == "sound" else []))
        assert code == 7
        assert said.startswith(f"error: {out} is an input of this run")
    assert sorted(tmp_path.iterdir()) == before
    assert source.read_bytes() == other.read_bytes() == sound.read_bytes() == clip.read_bytes()


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("folder", "names a folder"),
        ("fifo", "is a device, a pipe"),
        ("/dev/full", "is a device, a pipe"),
        ("/dev/null", "is a device, a pipe"),
        ("missing folder", "does not exist"),
        ("taken", "already exists"),
        ("taken by a broken link", "already exists"),
    ],
)
def test_an_output_that_cannot_be_a_file(
    clip: Path, tmp_path: Path, kind: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(*_: object, **__: object) -> None:
        raise AssertionError("found only after the work had started")

    monkeypatch.setattr(compositing, "_analyse", work)
    out = tmp_path / "out.mp4"
    if kind == "folder":
        out.mkdir()
    elif kind == "fifo":
        os.mkfifo(out)
    elif kind.startswith("/dev"):
        if not Path(kind).exists():
            pytest.skip(f"no {kind}")
        out.symlink_to(kind)
    elif kind == "missing folder":
        out = tmp_path / "missing" / "out.mp4"
    elif kind == "taken":
        out.write_bytes(OLD)
    else:
        out.symlink_to(tmp_path / "nothing")
    before = [(path, path.lstat().st_mode) for path in tmp_path.iterdir()]
    code, errors = run(clip, clip, "-o", out, *(["--no-overwrite"] if "taken" in kind else []))
    assert code == 7
    assert errors.startswith("error: ")
    assert said in errors
    assert [(path, path.lstat().st_mode) for path in tmp_path.iterdir()] == before


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_write_permission(clip: Path, tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    assert run(clip, clip, "-o", tmp_path / "out.mp4")[0] == 7
    tmp_path.chmod(0o755)
    assert list(tmp_path.iterdir()) == []


LIMITED = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))\n"
LIMITED_LATER = f"""
import lipblend.compositing as compositing
release_freed_memory = compositing.release_freed_memory
def limited():
    {LIMITED.strip()}
    return release_freed_memory()
compositing.release_freed_memory = limited  # called between the passes
"""
MAIN = "from lipblend.cli.app import main; main()"


@pytest.mark.slow(2)
@pytest.mark.skipif(os.name == "nt", reason="needs RLIMIT_FSIZE")
@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
@pytest.mark.parametrize(
    ("limit", "said"),
    [
        (LIMITED, "error: cannot write a temporary file"),
        (LIMITED_LATER, "error: {out} cannot"),
    ],
    ids=["temporary", "output"],
)
def test_a_file_that_may_not_grow(clip: Path, tmp_path: Path, suffix: str, limit: str, said: str) -> None:
    out = tmp_path / f"out.{suffix}"
    out.write_bytes(OLD)
    words = kills.command(clip, out, "-c", limit + MAIN)
    done = subprocess.run(words, env=kills.environment(), capture_output=True, text=True, timeout=kills.HANG_S)
    assert done.returncode == 7
    assert done.stderr.startswith(said.format(out=out))
    assert "File too large" in done.stderr
    assert done.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == [out.name]
    assert out.read_bytes() == OLD


def in_a_mount(options: str, folder: Path, clip: Path) -> str:
    """Run on a new tmpfs; returns exit code, folder content and error."""
    if shutil.which("unshare") is None:
        pytest.skip("no unshare")
    program = 'mount -t tmpfs -o "$1" none "$2" || exit 99; shift; d=$1; shift; "$@"; echo "code $?"; ls -A "$d"'
    words = ["unshare", "-rm", "sh", "-c", program, "sh", options, str(folder)]
    done = subprocess.run(
        [*words, *kills.command(clip, folder / "out.mp4")],
        env=kills.environment(), capture_output=True, text=True, timeout=kills.HANG_S,
    )  # fmt: skip
    if done.returncode == 99 or "unshare" in done.stderr:
        pytest.skip(f"cannot mount a tmpfs: {done.stderr.strip()}")
    return done.stdout + done.stderr


@pytest.mark.slow(2)
def test_a_full_disk(clip: Path, tmp_path: Path) -> None:
    said = in_a_mount("size=4k", tmp_path, clip)
    assert said == f"code 7\nerror: {tmp_path}/out.mp4 cannot be written: No space left on device. The disk is full.\n"


@pytest.mark.slow
def test_a_read_only_disk(clip: Path, tmp_path: Path) -> None:
    said = in_a_mount("ro", tmp_path, clip)
    assert said == (
        f"code 7\nerror: cannot write to the folder {tmp_path}: Read-only file system. Choose another folder.\n"
    )


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes")
def test_an_input_that_is_a_pipe_is_refused(clip: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.mp4"
    os.mkfifo(pipe)
    for pair in ((pipe, clip), (clip, pipe)):
        code, said = run(*pair, "-o", tmp_path / "out.mp4")
        assert (code, said) == (
            3,
            f"error: {pipe} is a pipe or a device. Save it as a file first: it is read several times.\n",
        )
    with pytest.raises(InputError):
        probe(pipe)


def test_the_library_does_not_overwrite_on_request(clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    out.write_bytes(OLD)
    with pytest.raises(OutputError, match="already exists"):
        composited(clip, clip, out, settings=Settings(), overwrite=False)
    assert out.read_bytes() == OLD
