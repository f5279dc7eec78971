"""Pictures of moments: the right frame and face, what is wrong outlined, and a reference."""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Iterator, Sequence

import cv2
import numpy as np
import pytest
from report_stand_ins import FAILING, PortraitWalk, StandIn, evaluation

from lipblend.faces.landmarks import Landmarks
from lipblend.picture.patch import Box
from lipblend.quality.report.outline import outlined
from lipblend.quality.report.picks import Moment, Pick
from lipblend.quality.report.stills import shown_face, stills
from lipblend.quality.view import FaceView
from lipblend.quality.visible.places import place
from lipblend.quality.visible.visible_parts import PARTS

AT = FAILING.start + 3


def decoded(uri: str) -> np.ndarray:
    data = np.frombuffer(base64.b64decode(uri.partition(",")[2]), np.uint8)
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1], int)


class WideWalk(PortraitWalk):
    """Shows the whole face, as real views do."""

    def __init__(self, portrait: np.ndarray, face: Landmarks, **more: Sequence[int]) -> None:
        super().__init__(portrait, face, **more)
        x, y = face.mouth_centre
        w = face.face_width_px
        self.box = Box(int(x - 0.72 * w), int(y - 0.62 * w), int(x + 0.72 * w), int(y + 0.82 * w)).clipped(768, 768)


@pytest.fixture(scope="module")
def view(portrait: np.ndarray, face: Landmarks) -> FaceView:
    ((_, (found,)),) = WideWalk(portrait, face).views([AT])
    return found


def changed(view: FaceView, region: np.ndarray, by: Sequence[float]) -> FaceView:
    """A right result but for a change in a region: the synced picture and the result are the original elsewhere."""
    result = view.original + region[..., None].astype(np.float32) * np.array(by, np.float32)
    return dataclasses.replace(view, synced=view.original.copy(), result=result)


def disc(view: FaceView, right: float, down: float, radius: float) -> np.ndarray:
    """A disc beside the mouth, in face widths."""
    x, y = view.original_mesh.mouth_centre - (view.box.x0, view.box.y0)
    w = view.face_width_px
    rows, columns = np.ogrid[: view.box.height, : view.box.width]
    return np.hypot(columns - x - right * w, rows - y - down * w) < radius * w


def share(region: np.ndarray | None, inside: np.ndarray) -> float:
    """How much of a place lies in a region."""
    assert region is not None
    return float(inside[region].mean())


def test_pictures_are_of_the_picked_frames(portrait: np.ndarray, face: Landmarks) -> None:
    walk = PortraitWalk(portrait, face, bare=[7])
    wanted = [Moment(50, "seam_step", 1.0), Moment(7, "glow", 0.2), Pick(3, "seam", 0.4)]
    found = stills(StandIn(evaluation(), walk), wanted)
    assert sorted(found) == [3, 50]
    assert walk.requested[-1] == [3, 7, 50]
    assert list(found[50].pictures) == ["original", "synced", "result", "outlined", "ring", "difference"]
    assert list(found[3].pictures) == ["original", "synced", "result", "ring", "difference"]
    assert len(set(found[50].pictures.values())) == 6
    size = found[50].height, found[50].width
    assert all(decoded(uri).shape[:2] == size for uri in found[50].pictures.values())
    bright, dark = (decoded(found[index].pictures["original"]).mean() for index in (50, 3))
    true = [walk.frames(index)[0][walk.box.y0 : walk.box.y1, walk.box.x0 : walk.box.x1].mean() for index in (50, 3)]
    assert (bright, dark) == (pytest.approx(true[0], abs=2), pytest.approx(true[1], abs=2))


def test_a_reference_is_a_further_picture(portrait: np.ndarray, face: Landmarks) -> None:
    evaluated = StandIn(evaluation(), PortraitWalk(portrait, face), reference=True)
    pictures = stills(evaluated, [Moment(50, "seam_step", 1.0)])[50].pictures
    assert list(pictures)[:5] == ["original", "synced", "result", "outlined", "reference"]
    assert decoded(pictures["reference"]).mean() < 0.95 * decoded(pictures["original"]).mean()


def test_a_line_is_drawn_around_a_region_and_nothing_else_changes() -> None:
    picture = np.full((200, 300, 3), 120, np.uint8)
    region = np.zeros((100, 150), bool)
    region[30:60, 40:100] = True
    shown = outlined(picture, region)
    touched = (shown != picture).any(-1)
    large = cv2.resize(region.view(np.uint8), (300, 200), interpolation=cv2.INTER_NEAREST)
    near = cv2.morphologyEx(large, cv2.MORPH_GRADIENT, np.ones((13, 13), np.uint8)) > 0
    assert touched.any()
    assert not touched[~near].any()
    assert 0.15 < touched[near].mean() < 0.6  # a thin line
    assert (np.abs(shown.astype(int) - (0, 235, 255)).max(-1) < 30).sum() > 300  # and a bright one
    assert (picture == 120).all()


def test_a_line_lies_on_the_edge() -> None:
    region = np.zeros((100, 100), bool)
    region[30:70, 30:70] = True
    bright = outlined(np.zeros((100, 100, 3), np.uint8), region)[..., 1] > 150
    assert np.argwhere(bright).mean(0) == pytest.approx([49.5, 49.5], abs=0.5)
    assert np.flatnonzero(bright[50])[[0, -1]] == pytest.approx([30, 69], abs=1.5)


def test_a_line_closes_at_the_border() -> None:
    region = np.zeros((100, 100), bool)
    region[:40, :] = True
    shown = outlined(np.full((100, 100, 3), 120, np.uint8), region)
    assert (shown[0] != 120).any(-1).all()
    assert (shown[:40, 0] != 120).any(-1).all()


@pytest.mark.parametrize("key", [part.key for part in PARTS if part.key != "painted_over"])
def test_every_part_has_a_place(view: FaceView, key: str) -> None:
    marked = disc(view, 0.25, 0.25, 0.12) | disc(view, 0.6, -0.5, 0.2)
    region = place(changed(view, marked, (30, 0, 8)), key)
    if key != "box_trace":  # a right picture has none
        assert region is not None
    assert region is None or region.shape == view.contour.shape


def test_a_stain_is_outlined_where_it_is(view: FaceView) -> None:
    stained = changed(view, disc(view, 0.22, 0.1, 0.1), (25, 0, 12))
    assert share(place(stained, "glow"), disc(view, 0.22, 0.1, 0.2)) > 0.9
    for key in ("uneven", "doubled"):
        assert share(place(stained, key), disc(view, 0.22, 0.1, 0.2)) > 0.9


def test_what_is_changed_away_from_the_mouth_is_outlined(view: FaceView) -> None:
    far = disc(view, 0.6, -0.6, 0.2)
    region = place(changed(view, far, (20, 0, 0)), "touched_area")
    assert share(region, disc(view, 0.6, -0.6, 0.3)) > 0.95
    assert place(changed(view, far, (0, 0, 0)), "touched_area") is None
    assert place(changed(view, disc(view, 0.2, 0.1, 0.1), (20, 0, 0)), "touched_area") is None
    speck = disc(view, -0.62, -0.5, 0.006)
    region = place(changed(view, far | speck, (25, 0, 0)), "touched_area")
    assert region is not None
    assert not region[speck].any()  # beside a large place
    assert place(changed(view, speck, (60, 0, 0)), "touched_area") is not None  # alone


def test_an_edge_is_outlined_along_the_contour(view: FaceView) -> None:
    seen = changed(view, view.contour >= 0.5, (15, 0, 0))
    ring = cv2.morphologyEx((view.contour >= 0.5).view(np.uint8), cv2.MORPH_GRADIENT, np.ones((21, 21), np.uint8)) > 0
    assert share(place(seen, "seam_step"), ring) > 0.9
    region = place(seen, "seam_step")
    assert region is not None
    line = cv2.morphologyEx((view.contour >= 0.5).view(np.uint8), cv2.MORPH_GRADIENT, np.ones((9, 9), np.uint8)) > 0
    assert region[line].mean() > 0.4


def test_parts_of_mouth_and_skin_have_theirs(view: FaceView) -> None:
    lips, skin = place(view, "lip_softness"), place(view, "softness")
    near = disc(view, 0, 0, 0.25)
    assert share(lips, near) > 0.95
    assert share(skin, disc(view, 0, 0, 0.4)) > 0.95
    assert skin is not None
    assert not skin[disc(view, 0, 0, 0.02)].any()


def test_an_unknown_part_has_no_place(view: FaceView) -> None:
    assert place(view, "of another version") is None
    assert place(view, "painted_over", None) is None


class TwoFaces(WideWalk):
    """The portrait's face twice; the second has a stain, and the first a stronger seam."""

    def views(self, indices: Sequence[int], /) -> Iterator[tuple[int, tuple[FaceView, ...]]]:
        for index, (view,) in super().views(indices):
            clean = changed(view, view.contour >= 0.5, (6, 0, 0))
            yield index, (clean, changed(view, disc(view, 0.22, 0.1, 0.1), (25, 0, 12)))


def test_of_several_faces_the_worst_is_shown(portrait: np.ndarray, face: Landmarks) -> None:
    ((_, views),) = TwoFaces(portrait, face).views([AT])
    assert shown_face(0, views, "glow", ())[0] is views[1]
    assert shown_face(0, views, "seam_step", ())[0] is views[0]
    assert shown_face(0, views, "flicker", ())[0] is views[0]  # one frame does not show it: the stronger seam
    assert shown_face(0, views[::-1], "flicker", ())[0] is views[0]
    assert shown_face(0, views[:1], "glow", ())[0] is views[0]


class Covered(WideWalk):
    """A hand-like patch passes before the face in one frame; the result does not show it."""

    def frames(self, index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        clean = self.original.copy()
        shown = clean.copy()
        if index == AT:
            x, y = self.face.mouth_centre + (0.22 * self.face.face_width_px, 0.12 * self.face.face_width_px)
            cv2.circle(shown, (int(x), int(y)), int(0.1 * self.face.face_width_px), (40, 90, 200), -1)
        return shown, clean, clean


def test_what_was_painted_over_is_outlined(portrait: np.ndarray, face: Landmarks) -> None:
    walk = Covered(portrait, face)
    found = stills(StandIn(evaluation(), walk), [Moment(AT, "painted_over", 2.0)])[AT].pictures
    plain, drawn = decoded(found["result"]), decoded(found["outlined"])
    touched = np.abs(plain - drawn).max(-1) > 60
    ((_, (view,)),) = walk.views([AT])
    around = disc(view, 0.22, 0.12, 0.2).astype(np.uint8)
    around = cv2.resize(around, touched.shape[::-1], interpolation=cv2.INTER_NEAREST) > 0
    assert touched.sum() > 100
    assert around[touched].mean() > 0.95
    assert len(walk.requested[1]) == 16  # of the shot, to learn how the person looks


def test_what_stays_in_front_is_outlined_on_a_picture_of_its_own(portrait: np.ndarray, face: Landmarks) -> None:
    class HiddenWalk(WideWalk):
        def views(self, indices: Sequence[int], /) -> Iterator[tuple[int, tuple[FaceView, ...]]]:
            for index, (view,) in super().views(indices):
                yield index, (dataclasses.replace(view, in_front=disc(view, 0.1, 0, 0.2).astype(np.float32)),)

    moment = Moment(AT, "seam_visible", 2.0)
    found = stills(StandIn(evaluation(), HiddenWalk(portrait, face)), [moment])[AT].pictures
    apart = np.abs(decoded(found["in_front"]) - decoded(found["result"])).max(2) > 60
    rows, columns = np.nonzero(apart)
    assert 0 < apart.mean() < 0.1
    assert np.ptp(rows) == pytest.approx(np.ptp(columns), rel=0.1)
    without = stills(StandIn(evaluation(), WideWalk(portrait, face)), [moment])[AT].pictures
    assert "in_front" not in without
