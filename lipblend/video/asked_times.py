"""Ranges and points beyond the end of a clip, found before anything is decoded."""

from __future__ import annotations

from collections.abc import Sequence

from lipblend.errors import SettingsError
from lipblend.settings import TrackSettings
from lipblend.settings.face_points import check_point, names_points, parse_points
from lipblend.settings.work_ranges import ALL, ClipTimes, spans_of
from lipblend.video.info import VideoInfo
from lipblend.video.survey import announced_stamps


def check_asked_times(track: TrackSettings, videos: Sequence[VideoInfo]) -> None:
    """Check ``track.ranges`` and the points of ``track.face`` against the frames that the packets announce.

    One frame more than announced is allowed for. Nothing is said of a video whose packets do not tell its frames
    surely: the plan, which knows the frames that were decoded, checks again.

    Parameters
    ----------
    track : TrackSettings
    videos : sequence of VideoInfo
        Those whose times the output may follow. It is an error only if the times lie beyond all of them.

    Raises
    ------
    SettingsError
        A range or a point lies beyond the end, or a range holds no frame.
    """
    if track.ranges == (ALL,) and not names_points(track.face):
        return
    clips = [_announced_clip(video) for video in videos]
    if all(clip is not None and not _fits(track, clip.with_another_frame()) for clip in clips) and clips[0] is not None:
        _check(track, clips[0])


def _announced_clip(video: VideoInfo) -> ClipTimes | None:
    stamps = announced_stamps(video)
    return None if stamps is None else ClipTimes.of((stamps * float(video.time_base)).tolist())


def _fits(track: TrackSettings, clip: ClipTimes) -> bool:
    try:
        _check(track, clip)
    except SettingsError:
        return False
    return True


def _check(track: TrackSettings, clip: ClipTimes) -> None:
    spans_of(track.ranges, clip)
    if names_points(track.face):
        for point in parse_points(str(track.face)):
            check_point(point, len(clip.starts_s), clip.length_s)
