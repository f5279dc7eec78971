"""Reading both videos once: finding faces in each, and measuring frames of the same time against each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from lipblend.analysis.follow import follow
from lipblend.analysis.measure import FOOTPRINT_EVERY, FaceMeasure, in_original, measure_faces
from lipblend.errors import InputError
from lipblend.faces.landmarker import BackgroundLandmarker, FaceLandmarker
from lipblend.faces.tracks import TrackedFace
from lipblend.pairing.by_time import pair_by_time
from lipblend.pairing.excerpt import check_not_empty
from lipblend.pairing.scan import Scan
from lipblend.picture.frame_mapping import UNMOVED
from lipblend.picture.frame_mappings import Mappings
from lipblend.runtime.prefetch import prefetch
from lipblend.runtime.spill import StoredSequence
from lipblend.settings import TrackSettings
from lipblend.video.info import VideoInfo
from lipblend.video.reader import Frame

_QUEUE = 2  # frames per stream that wait for the face search, and for measuring


class Measures:
    """Face measurements by frame pair and track id, in a temporary file."""

    def __init__(self) -> None:
        self._places: dict[tuple[int, int], int] = {}
        self._measured: StoredSequence[dict[int, FaceMeasure]] = StoredSequence()

    def __setitem__(self, pair: tuple[int, int], measured: dict[int, FaceMeasure]) -> None:
        self._places[pair] = len(self._measured)
        self._measured.append(measured)

    def __getitem__(self, pair: tuple[int, int]) -> dict[int, FaceMeasure]:
        return self._measured[self._places[pair]]

    def __contains__(self, pair: tuple[int, int]) -> bool:
        return pair in self._places

    def clear(self) -> None:
        """Discard all measurements."""
        self._places.clear()


@dataclass(frozen=True)
class PairReading:
    """How the frames of both videos are read in order to compare them.

    Attributes
    ----------
    original_info, synced_info : VideoInfo
    lab : bool
        Colour statistics are in CIE Lab.
    mapping : FrameMapping or FrameMappings
        Where the original's pixels lie in the synced frames.
    in_front : bool
        Measure what shows whether something lies in front of a face.
    """

    original_info: VideoInfo
    synced_info: VideoInfo
    lab: bool
    mapping: Mappings = UNMOVED
    in_front: bool = False

    def measure(
        self,
        original: Frame,
        faces: tuple[TrackedFace, ...],
        synced: Frame,
        synced_faces: tuple[TrackedFace, ...],
        *,
        look_elsewhere: bool = True,
    ) -> dict[int, FaceMeasure]:
        """Measurements of the faces of a frame pair, by track id; see `measure_faces`."""
        mapping = self.mapping.at(synced.index)
        return measure_faces(
            original.picture(self.original_info),
            faces,
            synced.picture(self.synced_info),
            in_original(synced_faces, mapping),
            mapping=mapping,
            lab=self.lab,
            footprint=original.index % FOOTPRINT_EVERY == 0,
            look_elsewhere=look_elsewhere,
            in_front=self.in_front,
        )


@dataclass(frozen=True)
class FaceSearch:
    """Options of the face search.

    Attributes
    ----------
    model : Path
        Face landmarker bundle, checked.
    track : TrackSettings
    thorough : bool
        Search the synced video for the smallest faces, like the original; otherwise stop at the first size that shows a
        face.
    landmarker : BackgroundLandmarker or None
        One loaded early, for the original; it stays open.
    """

    model: Path
    track: TrackSettings
    thorough: bool
    landmarker: BackgroundLandmarker | None = None

    def open(self) -> FaceLandmarker:
        """A new landmarker."""
        return FaceLandmarker(self.model, max_faces=self.track.max_faces, confidence=self.track.confidence)

    def early(self) -> AbstractContextManager[FaceLandmarker]:
        """The landmarker loaded early, which stays open, or a new one."""
        return nullcontext(self.landmarker.ready()) if self.landmarker is not None else self.open()


def read_both(
    original: Scan,
    synced: Scan,
    search: FaceSearch,
    *,
    lab: bool,
    in_front: bool,
    starts_s: tuple[float, float] | None,
    on_frame: Callable[[int], None],
) -> tuple[Measures, tuple[str, ...]]:
    """Read both videos and fill their scans.

    Each video is decoded on one thread, and searched for faces on another.

    Parameters
    ----------
    original, synced : Scan
        Empty; filled here.
    search : FaceSearch
    lab : bool
        Colour statistics are in CIE Lab.
    in_front : bool
        See `PairReading`.
    starts_s : (float, float) or None
        Times in the two videos that correspond, if not those of their first frames.
    on_frame : callable
        Called with the number of original frames done.

    Returns
    -------
    measures : Measures
        Of frames of the same time; empty if the videos differ in size.
    notes : tuple of str

    Raises
    ------
    InputError, WindowUnpairedError
        No frame of a video can be decoded.
    """
    infos = original.info, synced.info
    same_size = infos[0].upright_size == infos[1].upright_size
    reading, measures = PairReading(*infos, lab, in_front=in_front), Measures()
    with (
        original.reader() as original_reader,
        synced.reader() as synced_reader,
        prefetch(original_reader, _QUEUE) as original_frames,
        prefetch(synced_reader, _QUEUE) as synced_frames,
        search.early() as original_search,
        prefetch(
            follow(original_frames, infos[0], original_search, search.track), original.queue_length(_QUEUE)
        ) as original_seen,
        search.open() as synced_search,
        prefetch(
            follow(synced_frames, infos[1], synced_search, search.track, exhaustive=search.thorough),
            synced.queue_length(_QUEUE),
        ) as synced_seen,
    ):
        rest = synced.record(synced_seen)
        for first, second in pair_by_time(original.record(original_seen), rest, starts_s=starts_s):
            if second is not None and same_size:
                key = first.frame.index, second.frame.index
                measures[key] = reading.measure(first.frame, first.faces, second.frame, second.faces)
            on_frame(len(original))
        for _ in rest:
            pass
        original.finish(original_reader)
        synced.finish(synced_reader)
        network = original_search.network
    for scan in (original, synced):
        if not len(scan):
            check_not_empty(scan, original=scan is original)
            raise InputError(
                f"no frame of {scan.info.path.name} can be decoded",
                hint="Check that the file plays, or encode it again.",
            )
    return measures, () if network.refused else (f"MediaPipe could not be kept off the network ({network.reason})",)


def measure_missing(
    reading: PairReading, original: Scan, synced: Scan, pairs: list[tuple[int, int]], measures: Measures
) -> None:
    """Measure frame pairs that were not measured during reading; their frames are decoded again."""
    pairs = [pair for pair in pairs if pair not in measures]
    for (i, j), (first, second) in zip(pairs, decoded_pairs(original, synced, pairs), strict=True):
        measures[i, j] = reading.measure(first, original.faces[i], second, synced.faces[j])


def decoded_pairs(original: Scan, synced: Scan, pairs: Sequence[tuple[int, int]]) -> Iterator[tuple[Frame, Frame]]:
    """Frames of both videos by index, decoded again, each video on a thread of its own."""
    firsts = prefetch(original.frames([i for i, _ in pairs]), _QUEUE)
    seconds = prefetch(synced.frames([j for _, j in pairs]), _QUEUE)
    with firsts, seconds:
        yield from zip(firsts, seconds, strict=True)
