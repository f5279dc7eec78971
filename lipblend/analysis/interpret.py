"""How the synced video's light and colours are to be read: by its tags, unless both pictures show them to be wrong.

What both videos show of the same, away from what the generator painted, is compared under every reading of the codes.
Between two videos of one kind of light, another reading than that of the tags is believed where it leaves less than
half of the difference, over the colours on which the two readings disagree. Between SDR and HDR the tags are only where
the search begins: how a picture was tone-mapped, if at all, no tag says. The best reading gets a gain of light, and,
where that leaves much, a smooth curve for each channel and a mix of the channels (`lipblend.analysis.lightfit`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from lipblend.analysis import colour_wording as wording
from lipblend.analysis import lightfit
from lipblend.analysis.evidence import Evidence, Sightings
from lipblend.analysis.readings import Reading, faults, light_path, other_light, same_light, swapped_only, tagged
from lipblend.errors import InputMismatchError
from lipblend.picture.codemap import CodeMap
from lipblend.picture.light import SDR
from lipblend.video.info import VideoInfo

Floats = npt.NDArray[np.float64]

_LEAST_SEEN = 400  # colours; with fewer, tags are believed
_TELLING_LEVELS = 1.0  # two readings that lie nearer to each other say nothing about which is right
_TELLING_SHARE, _TELLING_LEAST = 0.02, 200  # of the colours, that readings must disagree on
_MOST_LEVELS = 16.0  # a colour counts by how far two readings lie apart, up to this
_HALF = 0.5  # measured: 0.71 and more for the wrong readings of eleven real pairs, 0.3 and less for right ones
_LEAST_GAIN_LEVELS = 1.0
_PATCH_GAIN_LEVELS = 5.0  # of the painted skin, which a generator tints: a swap turns it blue
_PATCH_SHARE = 0.15  # of the painted skin that may have been swapped alone
_CAP_LEVELS = 24.0
_AS_GOOD, _AS_GOOD_LEVELS = 1.05, 0.1
_CLEARLY, _WORTH_LEVELS = 0.7, 0.25  # another reading, or a correction, leaves less than this share, and this much less
_TRIED, _FITTED = 4_000, 12_000
_MOST_STOPS = 3.0  # factors of 2 of light
_MOST_LEFT_LEVELS, _MOST_LEFT_SHARE = 5.0, 0.3  # both: then the two do not go together
_UNEXPLAINED_LEVELS = 8.0  # of two videos that should be alike: light is looked at too


@dataclass(frozen=True)
class Interpretation:
    """How a synced video's codes are read.

    Attributes
    ----------
    change : CodeMap or None
        None where the tags say it all.
    notes : tuple of str
    found : dict
        For machines: ``as_tagged``, and else ``fault``, ``read_as``, ``undone``, ``before_levels``, ``after_levels``.
    """

    change: CodeMap | None = None
    notes: tuple[str, ...] = ()
    found: dict[str, Any] = field(default_factory=lambda: {"as_tagged": True})


def interpret(evidence: Evidence, original: VideoInfo, synced: VideoInfo, *, believe_tags: bool) -> Interpretation:
    """Find out how the synced video's codes are to be read.

    Parameters
    ----------
    evidence : Evidence
    original, synced : VideoInfo
    believe_tags : bool
        Read them as the tags say; what the pictures show is only mentioned.

    Raises
    ------
    InputMismatchError
        The light of the two cannot be brought together.
    """
    plain = tagged(synced.colour, original.colour, original.height)
    beside = evidence.beside
    if len(beside) < _LEAST_SEEN:
        return _unseen(plain)
    if plain.through_light:
        whole = _by_light(plain, beside, original, synced, believe_tags=believe_tags)
    else:
        whole = _by_codes(plain, beside, believe_tags=believe_tags)
        deep = SDR not in (plain.kind, plain.target_kind) or max(original.layout.depth, synced.layout.depth) > 8
        if whole.change is None and deep and _left(plain.code_map(), beside) > _UNEXPLAINED_LEVELS:
            whole = _by_light(plain, beside, original, synced, believe_tags=believe_tags)
    return _with_patch(whole, plain, evidence.painted, believe_tags=believe_tags)


def _unseen(plain: Reading) -> Interpretation:
    if not plain.through_light:
        return Interpretation()
    return Interpretation(plain.code_map(), (wording.unseen(plain),), {"as_tagged": True, "read_as": plain.text()})


def _by_codes(plain: Reading, seen: Sightings, *, believe_tags: bool) -> Interpretation:
    """Matrix, range and order of channels."""
    usual = plain.code_map()
    tried = same_light(plain)
    if not seen.coloured:  # then it says nothing of what colours are coded by
        tried = (each for each in tried if (each.matrix, each.target_matrix) == (plain.matrix, plain.target_matrix))
    scored = [(_score(each.code_map(), seen), each) for each in tried]
    least = min(score for score, _ in scored)
    # Of those that explain as much, the one with the fewest faults: where little is coloured, matrices hardly differ.
    near = [(score, each) for score, each in scored if score < least * _AS_GOOD + _AS_GOOD_LEVELS]
    _, best = min(near, key=lambda pair: (faults(plain, pair[1]), pair[0]))
    told = _told_apart(usual, best.code_map(), seen)
    if best == plain or told is None or not _surely(*told):
        return Interpretation()
    if not best.swapped and _left_by_tint(usual, seen) <= _left(best.code_map(), seen):
        return Interpretation()  # a generator's tint looks like another matrix where there are few colours
    fault = wording.fault(plain, best)
    found = _found(fault, best, told, undone=not believe_tags)
    note = wording.fault_note(fault, told, undone=not believe_tags)
    return Interpretation(None if believe_tags else best.code_map(), (note,), found)


def _by_light(
    plain: Reading, seen: Sightings, original: VideoInfo, synced: VideoInfo, *, believe_tags: bool
) -> Interpretation:
    """Transfer function, tone mapping, and all that `_by_codes` looks at."""
    if believe_tags:
        note = wording.light_by_tags(plain)
        return Interpretation(plain.code_map(), (note,), {"as_tagged": True, "read_as": plain.text()})
    few = seen.thinned(_TRIED)
    kept = [each for each in same_light(plain) if each.target_matrix == plain.target_matrix]
    kept = [each for each in kept if each.target_full == plain.target_full]
    candidates = list(dict.fromkeys([plain, *kept, *other_light(plain)]))
    lefts = [_left_by_shape(each, few) for each in candidates]
    at = int(np.argmin(lefts))
    if not (lefts[at] < _CLEARLY * lefts[0] and lefts[0] - lefts[at] > _WORTH_LEVELS):
        at = 0
    best = candidates[at]
    before = _left(plain.code_map(), seen)
    best = _exposed(best, few)
    change = best.code_map()
    left = _left(change, seen)
    corrected = _corrected(best, seen.thinned(_FITTED))
    better = _left(corrected, seen)
    # A rule that fits goes on where nothing was seen, in the mouth; a fitted curve does not.
    if better < _CLEARLY * left and left - better > _WORTH_LEVELS:
        change, left = corrected, better
    spread = float(np.median(_length(seen.original - np.median(seen.original, axis=0))))
    if left > _MOST_LEFT_LEVELS and left > _MOST_LEFT_SHARE * spread:
        raise InputMismatchError(
            f"the light of the two videos cannot be brought together: where both show the same they still differ by "
            f"{left:.1f} levels (8-bit; {_MOST_LEFT_LEVELS:g} allowed) after the best fit",
            details=(
                *wording.tags(original, synced),
                f"best reading: {best.text()}; by the tags they differ by {before:.1f} levels",
            ),
            hint="Convert the synced video to the original's light (PQ, HLG or SDR) with one curve for the whole clip, "
            "or pass --set colour.interpret=tags to believe the tags.",
        )
    note = wording.light_note(plain, best, before, left)
    return Interpretation(change, (note,), _found("light", best, (before, left), undone=True))


def _with_patch(whole: Interpretation, plain: Reading, painted: Sightings, *, believe_tags: bool) -> Interpretation:
    """Red and blue swapped in what was painted alone."""
    if len(painted) < _TELLING_LEAST:
        return whole
    base = whole.change or plain.code_map()
    others = [replace(base, into=each) for each in swapped_only(base.into, plain)]
    best = min(others, key=lambda other: _score(other, painted))
    told = _told_in_part(base, best, painted)
    if told is None:
        return whole
    note = wording.fault_note(wording.SWAPPED_PATCH, told, undone=not believe_tags)
    found = {
        "fault": wording.SWAPPED_PATCH,
        "undone": not believe_tags,
        "before_levels": told[0],
        "after_levels": told[1],
    }
    change = whole.change if believe_tags else replace(base, painted_into=best.into)
    return Interpretation(change, (*whole.notes, note), {**whole.found, "as_tagged": False, "patch": found})


def _exposed(reading: Reading, seen: Sightings) -> Reading:
    """The reading with the gain of light that brings the two nearest, where it is not one that BT.2408 gives."""
    if not reading.through_light:
        return reading

    def left(steps: float) -> float:
        return _score(replace(reading, gain=2.0**steps).code_map(), seen)

    tried = np.arange(-_MOST_STOPS, _MOST_STOPS + 0.5, 0.5)
    at = float(tried[int(np.argmin([left(each) for each in tried]))])
    for step in (0.25, 0.125, 0.06, 0.03, 0.015):
        at = min((at - step, at, at + step), key=left)
    near = left(0.0) - left(at) < _WORTH_LEVELS
    return reading if near else replace(reading, gain=2.0**at)


def _corrected(reading: Reading, seen: Sightings) -> CodeMap:
    """A reading's map with the correction that the sightings ask for."""
    path, plain = light_path(reading), reading.code_map()
    predicted, wanted = _rgb_of(reading, seen)
    return lightfit.fit(predicted, wanted).after(path, plain)


def _left_by_shape(reading: Reading, seen: Sightings) -> float:
    """What one curve for all channels leaves, in 8-bit levels of R'G'B'."""
    predicted, wanted = _rgb_of(reading, seen)
    return 255 * float(np.median(_length(wanted - lightfit.fit_shared(predicted, wanted).apply(predicted))))


def _rgb_of(reading: Reading, seen: Sightings) -> tuple[Floats, Floats]:
    """R'G'B' 0..1 in the original's light: what the reading makes of the synced video, and what the original shows."""
    rgb = _affine(reading.into(), seen.synced)
    path = reading.path()
    if path is not None:
        rgb = path.apply(rgb.astype(np.float32)[None])[0].astype(np.float64)
    out = reading.out()
    inverse = np.linalg.inv(out[:, :3])
    return rgb, _affine(np.column_stack([inverse, -inverse @ out[:, 3]]), seen.original)


def _affine(matrix: Floats, rows: npt.NDArray[np.float32]) -> Floats:
    return np.asarray(rows.astype(np.float64) @ matrix[:, :3].T + matrix[:, 3])


def _mapped(change: CodeMap, seen: Sightings) -> Floats:
    return np.asarray(change.apply(seen.synced[None])[0], np.float64)


def _left(change: CodeMap, seen: Sightings) -> float:
    """Median distance from the original, 8-bit levels."""
    return float(np.median(_length(_mapped(change, seen) - seen.original)))


def _left_by_tint(change: CodeMap, seen: Sightings) -> float:
    """The same, once the median difference of each channel is taken off."""
    apart = _mapped(change, seen) - seen.original
    return float(np.median(_length(apart - np.median(apart, axis=0))))


def _score(change: CodeMap, seen: Sightings) -> float:
    return float(np.minimum(_length(_mapped(change, seen) - seen.original), _CAP_LEVELS).mean())


def _told_apart(usual: CodeMap, other: CodeMap, seen: Sightings) -> tuple[float, float] | None:
    """How far two maps are from the original where they disagree, 8-bit levels; None where they hardly do."""
    one, two = _mapped(usual, seen), _mapped(other, seen)
    apart = _length(one - two)
    telling = apart > _TELLING_LEVELS
    if np.count_nonzero(telling) < max(_TELLING_LEAST, _TELLING_SHARE * len(seen)):
        return None
    weight = np.minimum(apart, _MOST_LEVELS)[telling]
    lengths = (_length(each - seen.original)[telling] for each in (one, two))
    first, second = (_weighted_median(each, weight) for each in lengths)
    return first, second


def _told_in_part(usual: CodeMap, other: CodeMap, seen: Sightings) -> tuple[float, float] | None:
    """The same over the part of the sightings for which the other map is surely right; None where that is too small."""
    one, two = _mapped(usual, seen), _mapped(other, seen)
    first, second = (_length(each - seen.original) for each in (one, two))
    telling = _length(one - two) > _PATCH_GAIN_LEVELS
    fits = telling & (second < _HALF * first) & (first - second > _PATCH_GAIN_LEVELS)
    count = np.count_nonzero(fits)
    if count < _TELLING_LEAST or count < _PATCH_SHARE * np.count_nonzero(telling):
        return None
    return float(np.median(first[fits])), float(np.median(second[fits]))


def _surely(before: float, after: float) -> bool:
    return bool(after < _HALF * before and before - after > _LEAST_GAIN_LEVELS)


def _weighted_median(values: Floats, weight: Floats) -> float:
    order = np.argsort(values)
    total = np.cumsum(weight[order])
    return float(values[order][np.searchsorted(total, total[-1] / 2)])


def _length(rows: Floats) -> Floats:
    return np.asarray(np.sqrt((rows**2).sum(-1)))


def _found(fault: str, reading: Reading, told: Sequence[float], *, undone: bool) -> dict[str, Any]:
    return {
        "as_tagged": False, "fault": fault, "read_as": reading.text(), "undone": undone,
        "before_levels": round(told[0], 2), "after_levels": round(told[1], 2),
    }  # fmt: skip
