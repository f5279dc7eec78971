"""Alignment of a synced face crop by the record of how it was cut: nothing is searched but an offset in time."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.errors import InputMismatchError
from lipblend.faces.landmarks import STABLE
from lipblend.pairing.mapping_fit import likeness
from lipblend.pairing.scan import Scan
from lipblend.pairing.timeline import Clock, nearest_of
from lipblend.picture.crop_places import CropPlaces
from lipblend.picture.frame_mapping import UNMOVED, FrameMapping, warp
from lipblend.picture.frame_mappings import FrameMappings, Mappings
from lipblend.video.reader import Frame

Indices = npt.NDArray[np.int64]

_SAME_RATE = 0.01  # relative difference of two frame rates
_SPARE_FRAMES = 1  # more than the record has: some encoders repeat the last one
_SHIFTS = range(-5, 6)  # frames by which a generator may have delayed its picture
_MIN_COMPARED = 8  # frames
_CLEARLY_BETTER = 0.8  # of the distance without a shift
_MIN_DISTANCE_FRAC = 0.004  # face widths: below, any shift is as good
_MAX_DISTANCE_FRAC = 0.3  # face widths; redrawn heads are off by less than 0.12
_LIKENESS_PAIRS = 5
_LIKENESS_SIDE_PX = 192


def crop_frames(synced: Clock, places: CropPlaces, offset_s: float) -> Indices:
    """The record's frame of every synced frame; -1 beyond the record.

    By index if the crop was returned at its rate, else by time, as for a generator that changes the rate.

    Parameters
    ----------
    synced : Clock
    places : CropPlaces
    offset_s : float
        Where in the record the synced crop starts.
    """
    since_s = synced.since_start_s
    rate = places.rate or (1 / synced.period_s if synced.period_s else 25.0)
    same = not synced.period_s or abs(rate * synced.period_s - 1) <= _SAME_RATE
    if same:  # counted, because small errors of a rate would add up over a long clip
        first = round(float(since_s[0]) * rate) if synced.start_s is not None else 0
        found = np.arange(len(since_s), dtype=np.int64) + first + round(offset_s * rate)
    else:
        found = np.rint((since_s + offset_s) * rate).astype(np.int64)
    return np.where((found >= 0) & (found < len(places)), found, -1)


def check_length(original: Scan, synced: Scan, places: CropPlaces) -> CropPlaces:
    """The record, without the frames that show no face if the generator skipped them.

    Raises
    ------
    InputMismatchError
        The whole synced crop has more frames than the record, at the record's rate; a part of it does not tell; or
        the record names frames that the original does not have.
    """
    clock = synced.clock()
    if synced.window_pts is not None:
        if not places.present.all():
            raise InputMismatchError("only the whole crop tells whether frames without a face were skipped")
        return places
    last = int(places.source_index.max())
    if places.times_s is not None and last >= len(original):
        raise InputMismatchError(
            f"the record names frame {last} of the original, which has {len(original)} (0 to {len(original) - 1})",
            details=(f"original     {original.info.path}",),
            hint="The record is damaged or edited; write it again with `lipblend crop`.",
        )
    if len(synced) == np.count_nonzero(places.present) < len(places):
        return places.only_present()
    same_rate = places.rate is None or abs(places.rate * clock.period_s - 1) <= _SAME_RATE
    if same_rate and len(synced) > len(places) + _SPARE_FRAMES:
        raise InputMismatchError(
            f"the synced crop has {len(synced)} frames, and its record {len(places)}",
            details=(f"synced crop  {synced.info.path}",),
            hint="Give the record that was written with this crop, and cut off what the generator added at the end.",
        )
    return places


def sources(original: Scan, synced: Scan, places: CropPlaces, frames: Indices) -> Indices:
    """The original frame of every synced frame, from the record's frames; -1 for none."""
    clock, taken = original.clock(), np.maximum(frames, 0)
    if places.times_s is None:  # counted at the crop's own rate
        period_s = 1 / places.rate if places.rate else synced.clock().period_s
        if not period_s or abs(clock.period_s / period_s - 1) <= _SAME_RATE:
            period_s = clock.period_s
        times_s = places.source_index[taken] * period_s
    elif original.window_pts is None:
        found = places.source_index[taken]
        return np.where((frames >= 0) & (found < len(original)), found, -1)
    else:
        times_s = places.times_s[taken]
    shown_s = clock.since_start_s
    beyond_s = np.maximum(shown_s[0] - times_s, times_s - shown_s[-1])
    known = (frames >= 0) & (beyond_s <= clock.period_s / 2 + 1e-6)
    return np.where(known, nearest_of(shown_s, np.asarray(times_s, np.float64)), -1)


def shifted(frames: Indices, shift: int, places: CropPlaces) -> Indices:
    """The record's frames moved by some frames; those that had none keep none."""
    moved = frames + shift
    return np.where((frames >= 0) & (moved >= 0) & (moved < len(places)), moved, -1)


def found_shift(original: Scan, synced: Scan, places: CropPlaces, frames: Indices) -> int:
    """By how many frames the synced crop is delayed against its record, told by the upper faces.

    0 unless another shift is clearly better.

    Raises
    ------
    InputMismatchError
        The faces of the crop do not lie where the record says.
    """
    matrices = places.scaled_to(synced.info.upright_size)
    distances = {}
    for shift in _SHIFTS:
        moved = shifted(frames, shift, places)
        distances[shift] = _face_distance(original, synced, sources(original, synced, places, moved), matrices, moved)
    if not np.isfinite(distances[0]):
        return 0
    best = min(distances, key=lambda shift: (distances[shift], abs(shift)))
    if distances[best] > _MAX_DISTANCE_FRAC:
        raise InputMismatchError(
            f"the face in the synced crop lies {distances[best]:.2f} face widths beside the original's face; the "
            f"record of its places is not that of this crop (at most {_MAX_DISTANCE_FRAC:g} is accepted)",
            details=(f"original     {original.info.path}", f"synced crop  {synced.info.path}"),
            hint="Give the record that was written with this crop, or leave it out and let --locate find the places.",
        )
    clear = distances[0] > _MIN_DISTANCE_FRAC and distances[best] < _CLEARLY_BETTER * distances[0]
    return best if clear else 0


def mappings_of(places: CropPlaces, frames: Indices, size: tuple[int, int]) -> Mappings:
    """The mapping of every synced frame to a crop of a size; one for all if they are the same."""
    if (frames < 0).all():
        raise InputMismatchError("the synced crop and its record do not overlap in time", hint="Leave out --offset.")
    # Frames beyond the record are not shown; they take the nearest frame's place.
    at = np.flatnonzero(frames >= 0)
    nearest = at[np.searchsorted((at[1:] + at[:-1]) / 2, np.arange(len(frames)))]
    rows = places.scaled_to(size)[frames[nearest]]
    if (rows == rows[0]).all():
        return FrameMapping.of(rows[0])
    return FrameMappings(rows)


def crop_likeness(original: Scan, synced: Scan, pairs: Sequence[tuple[int, int]], mapping: Mappings) -> float:
    """Median correlation of the detail of a few pairs of frames, in the crop's pixels.

    Parameters
    ----------
    original, synced : Scan
    pairs : sequence of (int, int)
        Original and synced frame, by rising synced frame.
    mapping : FrameMapping or FrameMappings

    Returns
    -------
    float
        -1 to 1; see `lipblend.pairing.mapping_fit.likeness`.
    """
    places = np.unique(np.linspace(0, len(pairs) - 1, _LIKENESS_PAIRS).astype(int))
    chosen = [pairs[place] for place in places]
    firsts = original.frames([i for i, _ in chosen])
    seconds = synced.frames([j for _, j in chosen])
    found = []
    for (_, j), first, second in zip(chosen, firsts, seconds, strict=True):
        width, height = synced.info.upright_size
        factor = min(1.0, _LIKENESS_SIDE_PX / max(width, height))
        size = max(16, round(width * factor)), max(16, round(height * factor))
        to_crop = np.vstack([mapping.at(j).matrix * (np.array(size) / (width, height))[:, None], [0, 0, 1]])
        shown = warp(luma_of(first), FrameMapping.of(to_crop).inverse(), (0, 0), size)
        crop = cv2.resize(luma_of(second).astype(np.float32), size, interpolation=cv2.INTER_AREA)
        found += likeness(shown[None], np.asarray(crop, np.float32)[None], UNMOVED).tolist()
    return float(np.median(found))


def luma_of(frame: Frame) -> npt.NDArray[np.float32]:
    """The luma of a frame in 8-bit levels, (h, w) float32."""
    return np.asarray(frame.planes[0], np.float32) / np.float32(frame.layout.code_scale)


def _face_distance(
    original: Scan, synced: Scan, source: Indices, matrices: npt.NDArray[np.float64], frames: Indices
) -> float:
    """Median distance of the points that hardly move in speech, in face widths; infinite with too few faces."""
    found = []
    stable = list(STABLE)
    for j, (i, k) in enumerate(zip(source.tolist(), frames.tolist(), strict=True)):
        if i < 0 or k < 0 or not synced.faces[j] or not original.faces[i]:
            continue
        back = FrameMapping.of(matrices[k])
        mine = back.to_original(synced.faces[j][0].landmarks.points[stable])
        meshes = [face.landmarks for face in original.faces[i]]
        found.append(
            min(
                float(np.linalg.norm(mesh.points[stable] - mine, axis=1).mean()) / max(mesh.face_width_px, 1.0)
                for mesh in meshes
            )
        )
    return float(np.median(found)) if len(found) >= min(_MIN_COMPARED, len(source)) and found else float("inf")
