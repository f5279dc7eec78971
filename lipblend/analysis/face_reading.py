"""Reading one video for its faces."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lipblend.analysis.face_tracks import FaceTable, FaceTrack
from lipblend.analysis.follow import follow
from lipblend.analysis.shots import find_shots, least_move
from lipblend.errors import InputError
from lipblend.faces.landmarker import FaceLandmarker
from lipblend.faces.tracks import TrackedFace
from lipblend.pairing.scan import Scan
from lipblend.runtime.prefetch import one_opencv_thread, prefetch
from lipblend.settings import TrackSettings
from lipblend.video.info import VideoInfo
from lipblend.video.video import Video

_QUEUE = 2  # decoded frames that wait for the face search


@dataclass(frozen=True)
class FaceReading:
    """The faces of one video.

    Attributes
    ----------
    video : Video
    times_s, durations_s : (n,) float64
        Of its frames, seconds.
    detected : (n,) bool
        Faces were searched for in the frame; elsewhere their meshes are interpolated.
    tracks : dict of int to FaceTrack
        By track id; their frames are the video's.
    shot_starts : (m,) int
        Frames that start a shot, including the first.
    notes : tuple of str
        Damage found in the file.
    """

    video: Video
    times_s: npt.NDArray[np.float64]
    durations_s: npt.NDArray[np.float64]
    detected: npt.NDArray[np.bool_]
    tracks: dict[int, FaceTrack]
    shot_starts: npt.NDArray[np.intp]
    notes: tuple[str, ...]

    @property
    def shots(self) -> list[tuple[int, int]]:
        """First frame of each shot, and the one after its last."""
        starts = self.shot_starts.tolist()
        return list(zip(starts, [*starts[1:], len(self.times_s)], strict=True))


def read_faces(
    info: VideoInfo, model: Path, track: TrackSettings, *, on_frame: Callable[[int], None] = lambda _: None
) -> FaceReading:
    """Read a video once and follow its faces.

    Parameters
    ----------
    info : VideoInfo
    model : Path
        Face landmarker bundle, checked.
    track : TrackSettings
    on_frame : callable
        Called with the number of frames done.

    Raises
    ------
    InputError
        The file cannot be read, or no frame of it can be decoded.
    """
    scan = Scan(info)
    table, moves, detected = FaceTable(), list[float](), list[bool]()
    rows: dict[int, array[int]] = {}
    previous: tuple[TrackedFace, ...] = ()
    with (
        one_opencv_thread(),
        scan.reader() as reader,
        prefetch(reader, _QUEUE) as frames,
        FaceLandmarker(model, max_faces=track.max_faces, confidence=track.confidence) as landmarker,
        prefetch(follow(frames, info, landmarker, track), _QUEUE) as seen,
    ):
        for frame, item in enumerate(scan.record(seen)):
            for face in item.faces:
                row = table.append(frame, face.landmarks.points, None, None)
                rows.setdefault(face.track_id, array("q")).append(row)
            moves.append(least_move(previous, item.faces))
            detected.append(item.detected)
            previous = item.faces
            on_frame(frame + 1)
        scan.finish(reader)
    if not len(scan):
        raise InputError(f"no frame of {info.path.name} can be decoded", hint="Check that the file plays.")
    shots = np.zeros(1, np.intp)
    if track.cuts:
        shots = find_shots(scan.thumbs, range(len(scan)), moves, threshold=track.cut_threshold)
    return FaceReading(
        Video(info, np.array(scan.pts), scan.exact_times),
        np.array(scan.times_s),
        np.array(scan.durations) * float(info.time_base),
        np.array(detected),
        {number: FaceTrack(table, each) for number, each in rows.items()},
        shots,
        tuple(scan.damage),
    )
