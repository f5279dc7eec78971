"""VIDEO inputs as files, folders for outputs, progress, and errors, between ComfyUI and lipblend."""

from __future__ import annotations

import io as streams
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import comfy.utils
import folder_paths
from comfy_api.latest import InputImpl

from lipblend import LipblendError, Progress

MAX_FOLDERS = 100_000

_WRITTEN: WeakKeyDictionary[Any, Path] = WeakKeyDictionary()
"""Files of VIDEOs that are none themselves: nodes share one, for the record of a crop names its digest."""


def work_folder() -> Path:
    """A new folder in ComfyUI's temporary folder, which ComfyUI empties when it starts."""
    base = Path(folder_paths.get_temp_directory())
    base.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix="lipblend-", dir=base))


def report_folder() -> Path:
    """A new folder in ComfyUI's output folder: ``lipblend/report-00001``, ``-00002`` ...

    Raises
    ------
    LipblendError
        There are `MAX_FOLDERS` already.
    """
    base = Path(folder_paths.get_output_directory()) / "lipblend"
    base.mkdir(parents=True, exist_ok=True)
    for number in range(1, MAX_FOLDERS):
        folder = base / f"report-{number:05d}"
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        return folder
    raise LipblendError(f"{base} holds {MAX_FOLDERS - 1} reports", hint="Delete old ones.")


def path_of(video: Any, folder: Path, role: str) -> Path:
    """The file of a VIDEO; no frame is decoded here if the VIDEO is a whole file.

    A VIDEO that is a part of a file (trimmed, cropped) or made of frames is written by ComfyUI's own encoder, which
    is lossy and has 8 bits by default.

    Parameters
    ----------
    video : comfy_api.latest.Input.Video
    folder : Path
        Where a file is written, if one has to be.
    role : str
        Its name, without a suffix.
    """
    source = video.get_stream_source() if isinstance(video, InputImpl.VideoFromFile) else None
    if source is not None and not _is_whole(video, source):
        source = None
    if isinstance(source, str):
        return Path(source)
    written = _WRITTEN.get(video)
    if written is None or not written.is_file():
        written = folder / f"{role}.mp4"
        if source is None:
            video.save_to(str(written))
        else:
            source.seek(0)
            with written.open("wb") as file:
                shutil.copyfileobj(source, file)
        _WRITTEN[video] = written
    return written


def _is_whole(video: Any, source: str | streams.BytesIO) -> bool:
    """Whether the source shows what the VIDEO does: `get_stream_source` knows nothing of a trim."""
    whole = InputImpl.VideoFromFile(source)
    return bool(
        whole.get_dimensions() == video.get_dimensions()
        and abs(float(whole.get_duration()) - float(video.get_duration())) < 1e-6
    )


def progress_bar() -> Callable[[Progress], None]:
    """Progress for `lipblend`, on the node; each stage runs from nothing to full.

    ComfyUI raises its own exception out of the call when the user cancels, and lipblend removes what is unfinished.
    """
    bar = comfy.utils.ProgressBar(1)

    def show(progress: Progress) -> None:
        total = progress.total or 0
        bar.update_absolute(min(progress.done, total), max(total, 1))

    return show


@contextmanager
def one_clear_message() -> Iterator[None]:
    """Turn an error of lipblend into one whose text ComfyUI shows: what is wrong, and the next step.

    Raises
    ------
    RuntimeError
        Without the traceback of lipblend, which says nothing to a user.
    """
    try:
        yield
    except LipblendError as error:
        raise RuntimeError(f"lipblend: {error}") from None
    except FileNotFoundError as error:  # a VIDEO whose file is gone
        raise RuntimeError(f"lipblend: {error.filename or 'a file'}: {error.strerror or error}") from None
