"""Which frame of the plan each frame of a result shows, and the faces found in it."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from itertools import zip_longest
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lipblend.analysis.clip_analysis import ClipAnalysis
from lipblend.analysis.follow import follow
from lipblend.errors import InputError, InputMismatchError
from lipblend.faces.landmarker import FaceLandmarker
from lipblend.faces.landmarks import Landmarks
from lipblend.pairing import mapping_fit
from lipblend.pairing.alignment import align
from lipblend.pairing.scan import Scan, Seen, thumbnail
from lipblend.picture.frame_mapping import UNMOVED, FrameMapping
from lipblend.plan.frame_plan import Plan
from lipblend.quality.evaluation.walk import ResultVideo
from lipblend.runtime.prefetch import prefetch
from lipblend.runtime.spill import Mapped
from lipblend.settings import PairSettings, Settings
from lipblend.video.info import VideoInfo
from lipblend.video.reader import VideoReader
from lipblend.video.video import Video

_QUEUE = 4
_COMPARED = 24
_ORDER = "Give the files in the order original, synced, result."
_SAME_SCENE = 0.45  # as of two videos that are to be put together


def match_result(analysis: ClipAnalysis, plan: Plan, scan: Scan) -> tuple[ResultVideo, tuple[str, ...]]:
    """Find out which frame of a result is which; ``scan`` is what `follow_both` read of it.

    A result with as many frames as the plan, of the original's size, shows them in order, as lipblend writes it. Any
    other is matched with the original by the picture, as a synced video is.

    Returns
    -------
    ResultVideo, and notes for the report

    Raises
    ------
    InputMismatchError
        The result shows another scene, or nothing that would be written of it.
    """
    info, original = scan.info, analysis.original
    video = Video(info, np.array(scan.pts), scan.exact_times)
    notes = scan.damage
    mapping: FrameMapping = UNMOVED
    if len(scan) == len(plan.rows) and info.upright_size == original.info.upright_size:
        rows = np.arange(len(scan))
        _check_scene(original, plan, scan)
    else:
        mapping, rows = _aligned(original, plan, scan)
        said = (
            f"the result has {len(scan)} frames of {info.upright_width}x{info.upright_height} where lipblend would "
            f"write {len(plan.rows)} of {original.info.upright_width}x{original.info.upright_height}: its frames were "
            "found by the picture"
        )
        notes = (*notes, said)
        if (rows < 0).all():
            raise InputMismatchError(
                "the result shows no frame that lipblend would write of these videos",
                hint="Give the files in the order original, synced, result, and the settings of the run.",
            )
        if (rows < 0).any():
            notes = (*notes, f"frames of the result that the original does not hold: {int((rows < 0).sum())}")
    meshes = Mapped(scan.faces, lambda faces: tuple(_mesh(face.landmarks, mapping) for face in faces))
    return ResultVideo(video, np.array(scan.times_s), rows, mapping, meshes), notes


def _mesh(found: Landmarks, mapping: FrameMapping) -> Landmarks:
    return found if mapping.is_identity else Landmarks(mapping.to_original(found.points))


def follow_both(
    result: VideoInfo, synced: VideoInfo, *, model: Path, settings: Settings, on_frame: Callable[[int], None]
) -> tuple[Scan, Scan]:
    """Read a result and the synced video, and find the faces of every frame of both: none is interpolated.

    Parameters
    ----------
    result, synced : VideoInfo
    model : Path
        Face landmarker bundle, checked.
    settings : Settings
    on_frame : callable
        Called with the number of frames of the result that are done.

    Raises
    ------
    InputError
        A video has no frame that can be decoded.
    """
    scans = Scan(result), Scan(synced)
    track = settings.track.model_copy(update={"every_s": 0.0})
    with ExitStack() as stack:
        readers = [stack.enter_context(VideoReader(scan.info)) for scan in scans]
        found = [
            stack.enter_context(FaceLandmarker(model, max_faces=track.max_faces, confidence=track.confidence))
            for _ in scans
        ]
        seen = [
            scan.record(stack.enter_context(prefetch(follow(reader, reader.info, landmarker, track), _QUEUE)))
            for scan, reader, landmarker in zip(scans, readers, found, strict=True)
        ]
        for _ in zip_longest(*seen):  # each is followed on a thread of its own
            on_frame(len(scans[0]))
        for scan, reader in zip(scans, readers, strict=True):
            scan.finish(reader)
    for scan in scans:
        if not len(scan):
            raise InputError(
                f"no frame of {scan.info.path.name} can be decoded",
                hint="Check that the file plays, or encode it again.",
            )
    return scans


def spoken_meshes(synced: Scan, analysis: ClipAnalysis) -> Sequence[Sequence[Landmarks]]:
    """The faces of the synced frame of every row of a plan, in the original's pixels and not smoothed.

    They are read from the scan's file when they are asked for.
    """
    mapping = analysis.alignment.mapping

    def meshes_of(index: int) -> list[Landmarks]:
        faces = synced.faces[index] if 0 <= index < len(synced) else ()
        return [_mesh(face.landmarks, mapping.at(index)) for face in faces]

    return Mapped(array("q", analysis.synced_index.tolist()), meshes_of)


def _check_scene(original: Video, plan: Plan, scan: Scan) -> None:
    """Compare a few thumbnails: as many frames of the same size may still be another film."""
    chosen = np.unique(np.linspace(0, len(scan) - 1, min(_COMPARED, len(scan))).astype(int)).tolist()
    wanted = [plan.rows[index].original_index for index in chosen]
    wanted_thumbs = np.stack([thumbnail(frame.planes[0], frame.layout.depth) for frame in original.frames(wanted)])
    found_thumbs = np.stack([scan.thumbs[index] for index in chosen])
    likeness = float(np.median(mapping_fit.likeness(wanted_thumbs, found_thumbs, UNMOVED)))
    if likeness < _SAME_SCENE:
        raise InputMismatchError(
            f"the result shows another scene than the original (likeness {likeness:.2f}, {_SAME_SCENE} needed)",
            details=(f"original  {original.info.path}", f"result    {scan.info.path}"),
            hint=_ORDER,
        )


def _aligned(original: Video, plan: Plan, scan: Scan) -> tuple[FrameMapping, npt.NDArray[np.int64]]:
    original_scan = Scan(original.info)
    with VideoReader(original.info) as reader:
        for _ in original_scan.record(_seen(reader)):
            pass
        original_scan.finish(reader)
    try:
        found = align(original_scan, scan, PairSettings())
    except InputMismatchError as error:
        raise InputMismatchError(
            "the result does not belong to the original",
            details=(error.message, f"original  {original.info.path}", f"result    {scan.info.path}"),
            hint=_ORDER,
        ) from error
    assert isinstance(found.mapping, FrameMapping)  # only a record, or the request for it, gives one for each frame
    shown = np.array([row.original_index for row in plan.rows])
    return found.mapping, _rows(found.pairing.source, shown)


def _rows(source: npt.NDArray[np.int64], shown: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The plan's row for every frame of the result, -1 for none.

    An original frame may be shown several times, where the synced video plays it again: the row nearest after the one
    before is taken then.
    """
    places: dict[int, list[int]] = {}
    for row, index in enumerate(shown.tolist()):
        places.setdefault(index, []).append(row)
    rows, last = np.full(len(source), -1), -1
    for number, index in enumerate(source.tolist()):
        candidates = places.get(index, [])
        if candidates:
            last = min(candidates, key=lambda row: (row < last, abs(row - last)))
            rows[number] = last
    return rows


def _seen(reader: VideoReader) -> Iterator[Seen]:
    for frame in reader:
        yield Seen(frame, (), thumbnail(frame.planes[0], frame.layout.depth))
