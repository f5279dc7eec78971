"""Previews as labelled pictures: every step of one frame, or the same frame by several sets of settings."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from lipblend.picture.frame_mapping import synced_patch
from lipblend.picture.labelled import Rgb, contact_sheet, labelled_row, resize_to_width
from lipblend.picture.patch import Box
from lipblend.picture.picture import Picture
from lipblend.picture.planes import extract_patch, to_rgb
from lipblend.picture.ycbcr import convert_colour, ycbcr_matrix
from lipblend.preview.look import Look
from lipblend.render.debug_export import mask_picture, overlay
from lipblend.render.frame import FacePatch
from lipblend.stages.alpha.seam import ring_radius_px, seam_ring

_GAIN = 4
"""Differences are shown so many times as strong; 64 levels and more are full scale."""
_MARGIN_FRAC = 0.12
_LEAST_PX = 320  # smaller crops are enlarged by a whole factor
_COLUMNS = 3
_INK, _FONT = (30, 30, 30), cv2.FONT_HERSHEY_SIMPLEX
_LINE_PX, _TEXT_PX = 20, 11


LEGEND = (
    "mask: white is replaced at most; grey is the original's own, moved along where need be. alpha: how much of "
    "the new mouth is taken, from black (none) to white (all). seam ring: where the seam is measured.",
    f"difference: where two pictures differ, {_GAIN} times as strong: black nowhere, red a little, white much.",
    "alpha, seam, landmarks: an orange tint for alpha, a green line for the seam (alpha 0.5), blue dots for the "
    "original's face, pink ones for the synced one's.",
)
"""What the pictures of a sheet mean."""


def sheet(looks: Sequence[Sequence[Look]], differences: Sequence[str], *, about: str = "") -> Rgb:
    """Draw looks from top to bottom.

    Parameters
    ----------
    looks : sequence of sequence of Look
        For every time, one look for each set of settings.
    differences : sequence of str
        What each set of settings differs in, shown below its name where there are several.
    about : str
        Which settings and files, for the heading.

    Returns
    -------
    (h, w, 3) uint8 RGB
    """
    blocks: list[Rgb] = []
    for same in looks:
        faces = max(len(look.rendered.patches) for look in same)
        if not faces:
            blocks += [_title(_heading(same[0], f"{same[0].rendered.reason}: the original's own"), 3 * _LEAST_PX)]
            blocks += [labelled_row([("original = result", _reduced(_whole(same[0].original)))])]
        for number in range(faces):
            which = f"face {number + 1} of {faces}" if faces > 1 else ""
            rows = _compared(same, number, differences) if len(same) > 1 else _steps(same[0], number)
            blocks += [_title(_heading(same[0], which), rows[0].shape[1]), *rows]
    width = max(block.shape[1] for block in blocks)
    legend = [line for text in LEGEND for line in _wrapped(text, width - 16)]
    words = cv2.copyMakeBorder(
        _text(legend, width - 16, len(legend)), 8, 8, 8, 8, cv2.BORDER_CONSTANT, value=(255, 255, 255)
    ).astype(np.uint8)
    heading = [_title(about, width)] if about else []
    return contact_sheet([*heading, *blocks, words])


def _heading(look: Look, more: str) -> str:
    counts = "" if look.number is None else f", frame #{look.number}"
    names = f"{look.time_s:.3f} s{counts}"
    quick = "quick look: this frame by itself" if look.quick else ""
    return ", ".join(filter(None, [names, more, quick]))


def _steps(look: Look, number: int) -> list[Rgb]:
    """Every step of one face in rows of three."""
    patch = look.rendered.patches[number]
    box = _crop([look], number)
    shown = [*_inputs(look, box), *_results(look, patch, box)]
    by_name = dict(shown)
    order = (
        "original", "synced", "result",
        "mask", "alpha", "seam ring",
        f"difference synced - original, x{_GAIN}", "alpha, seam, landmarks", f"difference result - original, x{_GAIN}",
    )  # fmt: skip
    panels = [(name, _sized(by_name[name])) for name in order]
    return [labelled_row(panels[start : start + _COLUMNS]) for start in range(0, len(panels), _COLUMNS)]


def _compared(same: Sequence[Look], number: int, differences: Sequence[str]) -> list[Rgb]:
    """One column a set of settings, after a column of what they all begin with."""
    box = _crop(same, number)
    inputs = [(name, _sized(image)) for name, image in _inputs(same[0], box)]
    width = inputs[0][1].shape[1]
    blank = np.full((1, width, 3), 255, np.uint8)
    texts = [_wrapped(text, width) for text in ("", *differences)]
    tall = max(len(text) for text in texts)
    rows = [
        labelled_row(
            [
                (look.name if look else "", _text(lines, width, tall))
                for look, lines in zip((None, *same), texts, strict=True)
            ]
        )
    ]
    columns: list[list[tuple[str, Rgb]]] = [[*inputs, ("", blank)]]
    for look in same:
        patches = look.rendered.patches
        if number >= len(patches):
            reason = look.rendered.reason or "no such face"
            columns.append([(reason, _sized(_rgb(look.original, box))), *[("", blank)] * 3])
            continue
        shown = dict(_results(look, patches[number], box))
        names = ("result", "alpha, seam, landmarks", f"difference result - original, x{_GAIN}", "alpha")
        columns.append([(name, _sized(shown[name])) for name in names])
    rows += [labelled_row(list(panels)) for panels in zip(*columns, strict=True)]
    return rows


def _inputs(look: Look, box: Box) -> list[tuple[str, Rgb]]:
    original, synced = _rgb(look.original, box), _synced(look, box)
    return [
        ("original", original),
        ("synced", synced),
        (f"difference synced - original, x{_GAIN}", _heat(original, synced)),
    ]


def _results(look: Look, patch: FacePatch, box: Box) -> list[tuple[str, Rgb]]:
    matte, face = patch.matte, patch.plan
    ring = seam_ring(matte.contour, radius_px=ring_radius_px(face.original.face_width_px))
    original, result = _rgb(look.original, box), _rgb(look.result, box)
    marked = result.copy()
    _paste(marked, box, overlay(look.result, matte, face.original, face.synced), matte.box)
    greys = [
        ("mask", mask_picture(matte)),
        ("alpha", np.rint(matte.alpha * (255 * face.weight)).astype(np.uint8)),
        ("seam ring", ring.astype(np.uint8) * 255),
    ]
    shown = [("result", result)]
    for name, grey in greys:
        canvas = np.zeros_like(original)
        _paste(canvas, box, cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB), matte.box)
        shown.append((name, canvas))
    return [
        *shown,
        ("alpha, seam, landmarks", marked),
        (f"difference result - original, x{_GAIN}", _heat(original, result)),
    ]


def _crop(looks: Sequence[Look], number: int) -> Box:
    """A box about a face and its mattes, in all looks alike."""
    patches = [look.rendered.patches[number] for look in looks if number < len(look.rendered.patches)]
    margin = round(_MARGIN_FRAC * max(patch.plan.original.face_width_px for patch in patches))
    boxes = [box for patch in patches for box in (patch.matte.box, patch.plan.original.box())]
    wide = Box(
        min(box.x0 for box in boxes) - margin,
        min(box.y0 for box in boxes) - margin,
        max(box.x1 for box in boxes) + margin,
        max(box.y1 for box in boxes) + margin,
    )
    return wide.clipped(*looks[0].original.size)


def _rgb(picture: Picture, box: Box) -> Rgb:
    return to_rgb(picture.planes, picture.layout, picture.colour, box, height=picture.height)


def _whole(picture: Picture) -> Rgb:
    return _rgb(picture, Box(0, 0, *picture.size))


def _synced(look: Look, box: Box) -> Rgb:
    """The synced picture as it lies on the original's pixels."""
    ours, theirs = look.original, look.synced
    if theirs is None:
        return np.full((box.height, box.width, 3), 128, np.uint8)
    patch = synced_patch(theirs.planes, theirs.layout, box, look.analysis.alignment.mapping)
    beside = extract_patch(ours.planes, ours.layout, box)
    patch = convert_colour(patch, theirs.colour, ours.colour, ours.height, reference=beside)
    rgb = cv2.transform(patch, ycbcr_matrix(ours.colour, ours.height).astype(np.float32))
    return np.asarray(np.clip(np.rint(rgb), 0, 255), np.uint8)


def _heat(before: Rgb, after: Rgb) -> Rgb:
    """Where two pictures differ: the largest difference of a channel, amplified, from black over red to white."""
    levels = cv2.absdiff(before, after).max(axis=2)
    strong = cv2.convertScaleAbs(levels, alpha=_GAIN)
    return np.asarray(cv2.cvtColor(cv2.applyColorMap(strong, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB), np.uint8)


def _paste(canvas: Rgb, box: Box, image: Rgb, place: Box) -> None:
    """Lay a picture of the part ``place`` of the frame on one of the part ``box``."""
    x0, y0, x1, y1 = (
        max(box.x0, place.x0), max(box.y0, place.y0), min(box.x1, place.x1), min(box.y1, place.y1),
    )  # fmt: skip
    if x0 < x1 and y0 < y1:
        part = image[y0 - place.y0 : y1 - place.y0, x0 - place.x0 : x1 - place.x0]
        canvas[y0 - box.y0 : y1 - box.y0, x0 - box.x0 : x1 - box.x0] = part


def _sized(image: Rgb) -> Rgb:
    """Native pixels, or small ones enlarged by a whole factor."""
    factor = -(-_LEAST_PX // image.shape[1])
    return resize_to_width(image, image.shape[1] * factor) if factor > 1 else image


def _reduced(image: Rgb) -> Rgb:
    return resize_to_width(image, min(image.shape[1], 2 * _LEAST_PX))


def _title(text: str, width: int) -> Rgb:
    strip = np.full((36, max(width, 1), 3), 235, np.uint8)
    scale = cv2.getFontScaleFromHeight(_FONT, 15, 1)
    scale *= min(1.0, (width - 16) / max(cv2.getTextSize(text, _FONT, scale, 1)[0][0], 1))
    cv2.putText(strip, text, (8, 25), _FONT, scale, _INK, 1, cv2.LINE_AA)
    return strip


def _wrapped(text: str, width: int) -> list[str]:
    """Words in lines that fit a width."""
    scale = cv2.getFontScaleFromHeight(_FONT, _TEXT_PX, 1)
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and cv2.getTextSize(longer, _FONT, scale, 1)[0][0] <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _text(lines: Sequence[str], width: int, count: int) -> Rgb:
    canvas = np.full((max(1, count * _LINE_PX), width, 3), 255, np.uint8)
    scale = cv2.getFontScaleFromHeight(_FONT, _TEXT_PX, 1)
    for number, line in enumerate(lines):
        cv2.putText(canvas, line, (0, number * _LINE_PX + 14), _FONT, scale, _INK, 1, cv2.LINE_AA)
    return canvas
