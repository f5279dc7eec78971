"""Draw previews: every step of one frame, or the same frame with several sets of settings."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from lipblend.picture.frame_mapping import synced_patch
from lipblend.picture.labelled import Rgb, contact_sheet, labelled_row, resize_to_width
from lipblend.picture.patch import Box
from lipblend.picture.planes import extract_patch
from lipblend.picture.ycbcr import convert_colour, ycbcr_matrix
from lipblend.preview.look import Look
from lipblend.render.debug_export import mask_picture, overlay
from lipblend.render.face_patch import FacePatch
from lipblend.render.front_drawing import WAYS_LEGEND, draw_outline, shown_ways, ways_picture
from lipblend.stages.alpha.seam import ring_radius_px, seam_ring

_GAIN = 4
"""Factor by which differences are amplified; 64 levels or more are full scale."""
_MARGIN_FRAC = 0.12
_MIN_PX = 320  # smaller crops are enlarged by an integer factor
_COLUMNS = 3
FRONT = "in front"
_INK, _FONT = (30, 30, 30), cv2.FONT_HERSHEY_SIMPLEX
_LINE_PX, _TEXT_PX = 20, 11

LEGEND = (
    "mask: white is where the original may be replaced, grey is original that may move with it. alpha: share of "
    "the new mouth, from black (none) to white (all). seam ring: where the seam is measured.",
    f"difference: the difference of two pictures, amplified {_GAIN} times: black is none, red little, white much.",
    "alpha, seam, landmarks: an orange tint for alpha, a green line for the seam (alpha 0.5), blue dots for the "
    "original's face, pink dots for the synced face; a white line around what stays in front of the face.",
)
FRONT_LEGEND = f"in front: what stays the original's, outlined in white, by how it was found: {WAYS_LEGEND}."
"""Explanation of the picture that a sheet has of faces with something in front."""
"""Explanation of the pictures of a sheet."""


def sheet(looks: Sequence[Sequence[Look]], differences: Sequence[str], *, about: str = "") -> Rgb:
    """Draw looks from top to bottom.

    Parameters
    ----------
    looks : sequence of sequence of Look
        For each time, one look for each set of settings.
    differences : sequence of str
        How each set of settings differs, shown below its name if there are several.
    about : str
        Settings and files, for the heading.

    Returns
    -------
    (h, w, 3) uint8 RGB
    """
    blocks: list[Rgb] = []
    for variants in looks:
        first = variants[0]
        faces = max(len(look.rendered.patches) for look in variants)
        if not faces:
            blocks += [_title(_heading(first, f"{first.rendered.reason}: the original's own"), 3 * _MIN_PX)]
            blocks += [labelled_row([("original = result", _reduced(first.original.to_rgb()))])]
        for number in range(faces):
            which = f"face {number + 1} of {faces}" if faces > 1 else ""
            rows = _draw_variants(variants, number, differences) if len(variants) > 1 else _draw_steps(first, number)
            blocks += [_title(_heading(first, which), rows[0].shape[1]), *rows]
    width = max(block.shape[1] for block in blocks)
    shown = any(patch.front is not None for each in looks for look in each for patch in look.rendered.patches)
    legend = [line for text in (*LEGEND, *([FRONT_LEGEND] if shown else ())) for line in _wrapped(text, width - 16)]
    text = _text(legend, width - 16, len(legend))
    text = cv2.copyMakeBorder(text, 8, 8, 8, 8, cv2.BORDER_CONSTANT, value=(255, 255, 255)).astype(np.uint8)
    heading = [_title(about, width)] if about else []
    return contact_sheet([*heading, *blocks, text])


def _heading(look: Look, more: str) -> str:
    counts = "" if look.number is None else f", frame #{look.number}"
    names = f"{look.time_s:.3f} s{counts}"
    quick = "quick look: this frame by itself" if look.quick else ""
    return ", ".join(filter(None, [names, more, quick]))


def _draw_steps(look: Look, number: int) -> list[Rgb]:
    """All steps of one face, in rows of three."""
    patch = look.rendered.patches[number]
    box = _crop([look], number)
    shown = _inputs(look, box) | _results(look, patch, box)
    order = (
        "original", "synced", "result",
        "mask", "alpha", "seam ring",
        f"difference synced - original, x{_GAIN}", "alpha, seam, landmarks", f"difference result - original, x{_GAIN}",
    )  # fmt: skip
    found = shown_ways(patch)
    named = {**{name: name for name in order}, **({FRONT: f"in front: {', '.join(found)}"} if found else {})}
    panels = [(label, _sized(shown[name])) for name, label in named.items()]
    if found:  # a row of its own
        panels += [("", np.full_like(panels[0][1], 255))] * (_COLUMNS - 1)
    return [labelled_row(panels[start : start + _COLUMNS]) for start in range(0, len(panels), _COLUMNS)]


def _draw_variants(variants: Sequence[Look], number: int, differences: Sequence[str]) -> list[Rgb]:
    """One column per set of settings, after a column of their common inputs."""
    box = _crop(variants, number)
    inputs = [(name, _sized(image)) for name, image in _inputs(variants[0], box).items()]
    width = inputs[0][1].shape[1]
    blank = np.full((1, width, 3), 255, np.uint8)
    texts = [_wrapped(text, width) for text in ("", *differences)]
    line_count = max(len(lines) for lines in texts)
    names = ("", *(look.name for look in variants))
    rows = [labelled_row([(name, _text(lines, width, line_count)) for name, lines in zip(names, texts, strict=True)])]
    columns: list[list[tuple[str, Rgb]]] = [[*inputs, ("", blank)]]
    for look in variants:
        patches = look.rendered.patches
        if number >= len(patches):
            reason = look.rendered.reason or "no such face"
            columns.append([(reason, _sized(look.original.to_rgb(box))), *[("", blank)] * 3])
            continue
        shown = _results(look, patches[number], box)
        panels = ("result", "alpha, seam, landmarks", f"difference result - original, x{_GAIN}", "alpha")
        columns.append([(name, _sized(shown[name])) for name in panels])
    rows += [labelled_row(list(row)) for row in zip(*columns, strict=True)]
    return rows


def _inputs(look: Look, box: Box) -> dict[str, Rgb]:
    original, synced = look.original.to_rgb(box), _synced(look, box)
    difference = _heat(original, synced)
    return {"original": original, "synced": synced, f"difference synced - original, x{_GAIN}": difference}


def _results(look: Look, patch: FacePatch, box: Box) -> dict[str, Rgb]:
    matte, face = patch.matte, patch.plan
    ring = seam_ring(matte.contour, radius_px=ring_radius_px(face.original.face_width_px))
    original, result = look.original.to_rgb(box), look.result.to_rgb(box)
    marked = result.copy()
    marks = overlay(look.result, matte, face.original, face.synced)
    if patch.front is not None:
        draw_outline(marks, patch.front.share)
    _paste(marked, box, marks, matte.box)
    found = original.copy()
    if patch.front is not None:
        _paste(found, box, ways_picture(look.original, patch), matte.box)
    greys = {
        "mask": mask_picture(matte),
        "alpha": np.rint(matte.alpha * (255 * face.weight)).astype(np.uint8),
        "seam ring": ring.astype(np.uint8) * 255,
    }
    shown = {
        "result": result,
        "alpha, seam, landmarks": marked,
        FRONT: found,
        f"difference result - original, x{_GAIN}": _heat(original, result),
    }
    for name, grey in greys.items():
        shown[name] = np.zeros_like(original)
        _paste(shown[name], box, cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB), matte.box)
    return shown


def _crop(looks: Sequence[Look], number: int) -> Box:
    """A box around a face and its mattes, the same for all looks."""
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


def _synced(look: Look, box: Box) -> Rgb:
    """The synced picture mapped to the original's pixels."""
    original, synced = look.original, look.synced
    if synced is None:
        return np.full((box.height, box.width, 3), 128, np.uint8)
    mapping = look.analysis.mapping.at(look.row.synced_index)
    patch = synced_patch(synced.planes, synced.layout, box, mapping)
    beside = extract_patch(original.planes, original.layout, box)
    patch = convert_colour(patch, synced.colour, original.colour, original.height, reference=beside)
    rgb = cv2.transform(patch, ycbcr_matrix(original.colour, original.height).astype(np.float32))
    return np.asarray(np.clip(np.rint(rgb), 0, 255), np.uint8)


def _heat(first: Rgb, second: Rgb) -> Rgb:
    """Heat map of the largest difference of any channel, amplified, from black through red to white."""
    levels = cv2.absdiff(first, second).max(axis=2)
    amplified = cv2.convertScaleAbs(levels, alpha=_GAIN)
    return np.asarray(cv2.cvtColor(cv2.applyColorMap(amplified, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB), np.uint8)


def _paste(canvas: Rgb, box: Box, image: Rgb, place: Box) -> None:
    """Paste a picture of the frame's part ``place`` into one of the part ``box``."""
    shared = box.clipped_to(place)
    if shared.width and shared.height:
        canvas[shared.within(box)] = image[shared.within(place)]


def _sized(image: Rgb) -> Rgb:
    """The picture, enlarged by an integer factor if it is small."""
    factor = -(-_MIN_PX // image.shape[1])
    return resize_to_width(image, image.shape[1] * factor) if factor > 1 else image


def _reduced(image: Rgb) -> Rgb:
    return resize_to_width(image, min(image.shape[1], 2 * _MIN_PX))


def _title(text: str, width: int) -> Rgb:
    strip = np.full((36, max(width, 1), 3), 235, np.uint8)
    scale = cv2.getFontScaleFromHeight(_FONT, 15, 1)
    scale *= min(1.0, (width - 16) / max(cv2.getTextSize(text, _FONT, scale, 1)[0][0], 1))
    cv2.putText(strip, text, (8, 25), _FONT, scale, _INK, 1, cv2.LINE_AA)
    return strip


def _wrapped(text: str, width: int) -> list[str]:
    """Wrap text into lines that fit a width."""
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
