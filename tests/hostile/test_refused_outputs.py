"""Outputs that cannot or must not be written: one clear error, and no partial file."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import kills
import pytest
from typer.testing import CliRunner

from lipblend import compositing
from lipblend.cli.app import app
from lipblend.errors import InputError
from lipblend.video.probe import probe

SHORT = 4
OLD = b"what was there before"


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kills.make_clip(tmp_path_factory.mktemp("clip"), SHORT)


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

    monkeypatch.setattr(compositing, "analyse_job", work)
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
