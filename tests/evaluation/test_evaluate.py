"""Whole evaluations of small made clips: perfect ones, damaged ones, re-timed ones."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from judged import SETTINGS, Made, failed, make, rgb_frames, value, visibility, worst
from studio import LOSSLESS, Shown, Studio

from lipblend.errors import InputError, InputMismatchError
from lipblend.faces.landmarks import Landmarks
from lipblend.output.synth import write_clip
from lipblend.picture.patch import Box
from lipblend.quality.evaluation.evaluate import EvaluateOptions, evaluate
from lipblend.quality.evaluation.measuring import NOT_HELD
from lipblend.quality.report.report_page import page_bytes
from lipblend.quality.report.report_video import shown_box
from lipblend.settings import Settings

FRAMES = 16


@pytest.fixture(scope="module")
def made(portrait: np.ndarray, face: Landmarks, tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(portrait, face, tmp_path_factory.mktemp("evaluation"), FRAMES)


@pytest.mark.slow(3)
def test_a_composite_of_ours_is_recognised_and_keeps_every_mark(made: Made) -> None:
    record = made.judge(made.output)
    assert record.matte == "settings"
    assert len(record.rows) == FRAMES
    assert all(row.blended for row in record.rows)
    assert failed(record) <= {"score"}
    visible = visibility(record)
    assert visible.pop("lip_softness") > 1  # the generator's mouth is a smooth blot
    assert max(visible.values()) < 1
    assert value(record, "untouched") == 0
    assert value(record, "overspill") == 0
    assert value(record, "alpha_flicker") is not None
    assert value(record, "lip_corr") is None  # the portrait's mouth does not move
    assert [file.role for file in record.inputs] == ["original", "synced", "result"]


@pytest.mark.slow(2)
def test_a_patch_that_lies_off_its_place_shows_at_the_seam(made: Made) -> None:
    def shift(i: int, frame: np.ndarray) -> np.ndarray:
        moved = np.roll(frame, (3, 3), (0, 1))
        inside = made.inside(i, 2.2)
        return frame + inside * (moved - frame)

    fine, off = made.judge(made.output), made.judge(made.damaged("shifted", shift), "settings")
    assert worst(off, "seam") > 2 * worst(fine, "seam")
    assert visibility(off)["seam_step"] > visibility(fine)["seam_step"] + 1


@pytest.mark.slow(2)
def test_a_tinted_patch_is_a_colour_step_and_a_cast(made: Made) -> None:
    soft = [cv2.GaussianBlur(made.inside(i, 2.2), (0, 0), 4)[..., None] for i in range(FRAMES)]
    tinted = made.damaged("tinted", lambda i, frame: frame + soft[i] * np.array([22, -4, -16], np.float32))
    record = made.judge(tinted, "settings")
    assert "colour_step" in failed(record)
    assert worst(record, "cast") > 5
    assert worst(record, "colour_drift") < 1
    visible = visibility(record)
    assert min(visible["skin_cast"], visible["glow"]) > 1
    assert visible["flicker"] < 1
    assert "alpha_flicker" not in failed(record)


@pytest.mark.slow(2)
def test_a_flickering_patch_is_seen_over_time_only(made: Made) -> None:
    soft = [cv2.GaussianBlur(made.inside(i, 2.2), (0, 0), 4)[..., None] for i in range(FRAMES)]
    flickering = made.damaged("flickering", lambda i, frame: frame + soft[i] * (4 if i % 2 else -4))
    fine, record = made.judge(made.output), made.judge(flickering, "settings")
    assert worst(record, "ring_flicker") > 4 * worst(fine, "ring_flicker")
    assert worst(record, "colour_drift") > 5 * worst(fine, "colour_drift")
    assert "ssim_y" not in failed(record)
    assert visibility(record)["flicker"] > 1


@pytest.mark.slow(2)
def test_lips_left_uncovered_are_overspill(made: Made) -> None:
    originals, synced = rgb_frames(made.film.original), rgb_frames(made.film.synced)

    def half(i: int, _: np.ndarray) -> np.ndarray:
        alpha = cv2.GaussianBlur(made.inside(i, 2.2), (0, 0), 2)[..., None]
        alpha[:, : round(float(made.lips[i][:, 0].mean()))] = 0  # the left half is the old mouth
        before = originals[i].astype(np.float32)
        return before + alpha * (synced[i].astype(np.float32) - before)

    record = made.judge(made.damaged("uncovered", half))
    assert record.matte == "difference"
    assert any("mattes are estimated" in note for note in record.notes)
    assert "overspill" in failed(record)
    assert 0.25 < worst(record, "overspill") < 0.75
    assert worst(record, "untouched") < 1  # outside the estimated matte nothing changed


@pytest.mark.slow(2)
def test_the_synced_video_itself_can_be_judged(made: Made) -> None:
    record = made.judge(made.film.synced, "difference")
    assert sum(row.blended for row in record.rows) == FRAMES
    assert value(record, "overspill") == 0


@pytest.mark.slow(2)
def test_a_hard_paste_is_seen_although_its_matte_is_estimated(made: Made) -> None:
    originals = rgb_frames(made.film.original)

    def paste(i: int, _: np.ndarray) -> np.ndarray:
        frame = originals[i].astype(np.float32)
        x, y = np.rint(made.lips[i].mean(0)).astype(int)
        frame[y - 40 : y + 40, x - 40 : x + 40] += 14
        return frame

    path = made.damaged("pasted", paste)
    record = evaluate(
        made.film.original, path, path, settings=SETTINGS, options=EvaluateOptions(matte="difference")
    ).record
    assert {"colour_step", "ssim_y"} & failed(record)
    assert worst(record, "colour_step") > 2
    assert visibility(record)["seam_step"] > 1


@pytest.mark.slow(2)
def test_a_file_that_was_painted_on_elsewhere_is_not_untouched(made: Made) -> None:
    def paint(i: int, frame: np.ndarray) -> np.ndarray:
        frame[20:60, 400:460] = (0, 200, 0)
        return frame

    record = made.judge(made.damaged("painted", paint))
    assert record.matte == "settings"
    assert "untouched" in failed(record)
    assert worst(record, "untouched") > 20
    assert worst(made.judge(made.damaged("as_it_is", lambda i, frame: frame)), "untouched") < 1


@pytest.mark.slow(2)
def test_swapped_files_are_wondered_at(made: Made) -> None:
    film = made.film
    record = evaluate(
        film.original, film.synced, film.original, settings=SETTINGS, options=EvaluateOptions(matte="difference")
    ).record
    assert any("is it the original?" in note for note in record.notes)
    with pytest.raises(InputMismatchError, match="in another order"):
        evaluate(film.synced, film.original, made.output, settings=SETTINGS)
    unrecorded = made.damaged("as_it_is", lambda i, frame: frame)
    swapped = evaluate(film.synced, film.original, unrecorded, settings=SETTINGS).record
    assert any("two files swapped?" in note for note in swapped.notes)
    assert not any("swapped" in note for note in made.judge(made.output).notes)


@pytest.mark.slow(2)
def test_a_result_that_shows_the_new_mouth_in_some_frames_only_is_judged(made: Made) -> None:
    originals = rgb_frames(made.film.original)
    few = made.damaged("few", lambda i, frame: frame if i == 1 else originals[i].astype(np.float32))  # not sampled
    record = made.judge(few, "settings")
    assert record.headline is not None
    assert (record.judged, record.matte) == (True, "settings")


@pytest.mark.slow(2)
def test_wrong_settings_are_noticed_and_said_when_insisted_on(made: Made) -> None:
    other = Settings.model_validate({**LOSSLESS, "mask": {"shapes": ("region",), "regions": ("left_eye",)}})
    assert made.judge(made.output, "auto", other).matte == "difference"
    record = made.judge(made.output, "settings", other)
    assert record.matte == "settings"
    assert any("does not look like one made with these settings" in note for note in record.notes)


@pytest.mark.slow(2)
def test_a_result_that_lost_frames_is_put_together_by_the_picture(made: Made) -> None:
    frames = rgb_frames(made.output)
    path = made.output.with_name("fewer.mp4")
    write_clip(path, frames[3:], frame_rate=Fraction(25), crf=1)
    record = made.judge(path)
    assert [row.original_index for row in record.rows] == list(range(3, FRAMES))
    assert record.matte == "settings"
    assert any("found by the picture" in note for note in record.notes)


@pytest.mark.slow(2)
def test_a_smaller_result_is_measured_in_the_originals_pixels(made: Made) -> None:
    path = made.output.with_name("small.mp4")
    small = [cv2.resize(frame, (320, 180), interpolation=cv2.INTER_AREA) for frame in rgb_frames(made.output)]
    write_clip(path, small, frame_rate=Fraction(25), crf=1)
    record = made.judge(path, "settings")
    assert len(record.rows) == FRAMES
    assert worst(record, "sharpness") < 0.9
    assert value(record, "outside") is None


@pytest.mark.slow(2)
def test_a_smaller_result_can_be_shown(made: Made) -> None:
    path = made.output.with_name("tiny.mp4")
    small = [cv2.resize(frame, (160, 90), interpolation=cv2.INTER_AREA) for frame in rgb_frames(made.output)]
    write_clip(path, small, frame_rate=Fraction(25), crf=1)
    options = EvaluateOptions(matte="settings", reference=made.film.synced)
    evaluated = evaluate(made.film.original, made.film.synced, path, settings=SETTINGS, options=options)
    ((_, (view, *_)),) = evaluated.walk.views([3])
    truth = evaluated.truth(3, view)
    assert np.abs(truth - view.synced).mean() < 0.5 < np.abs(truth - view.original).mean()
    box = shown_box(evaluated.walk, evaluated.record, range(FRAMES))
    assert box.x0 < made.lips[0][:, 0].min() < made.lips[-1][:, 0].max() < box.x1
    assert b"<figcaption>Reference" in page_bytes(evaluated)


@pytest.mark.slow(2)
def test_frames_that_the_original_does_not_hold_stay_in_their_place(made: Made) -> None:
    path = made.output.with_name("titled.mp4")
    title = [np.full((270, 480, 3), 30 + 9 * i, np.uint8) for i in range(5)]
    write_clip(path, [*title, *rgb_frames(made.output)], frame_rate=Fraction(25), crf=1)
    evaluated = evaluate(made.film.original, made.film.synced, path, settings=SETTINGS)
    rows = evaluated.record.rows
    assert [row.index for row in rows] == list(range(FRAMES + 5))
    assert [row.original_index for row in rows] == [-1] * 5 + list(range(FRAMES))
    assert evaluated.record.passed_through == {NOT_HELD: 5}
    assert not any(row.values for row in rows[:5])
    assert [(shot.start, shot.stop) for shot in evaluated.record.shots] == [(5, FRAMES + 5)]
    (_, before, synced, shown), (_, whole, *_) = evaluated.walk.pictures([2, 8], Box(100, 40, 340, 240))
    assert not before.any()
    assert not synced.any()
    assert abs(float(shown.mean()) - 48) < 3
    assert whole.any()
    assert page_bytes(evaluated)


@pytest.mark.slow(2)
def test_another_film_is_refused(made: Made, portrait: np.ndarray, face: Landmarks, tmp_path: Path) -> None:
    other = Studio(portrait, face.points, tmp_path).film([Shown((), background=9) for _ in range(FRAMES)])
    with pytest.raises(InputMismatchError, match="another scene"):
        made.judge(other.original)
    longer = Studio(portrait, face.points, tmp_path / "b")
    longer.folder.mkdir()
    film = longer.film([Shown((), background=9) for _ in range(FRAMES + 5)])
    with pytest.raises(InputMismatchError, match="result does not belong to the original") as caught:
        made.judge(film.original)
    assert [each.split()[0] for each in caught.value.details[1:]] == ["original", "result"]


@pytest.mark.slow(2)
def test_against_the_reference_the_composite_is_nearer_than_the_original(made: Made) -> None:
    record = made.judge(made.output, reference=made.film.synced)
    itself = made.judge(made.film.synced, reference=made.film.synced)
    kept = made.judge(made.film.original, "difference", reference=made.film.synced)
    assert value(itself, "psnr") == 100
    assert value(itself, "ssim") == 1
    assert value(itself, "temporal") == 0
    better = value(record, "psnr")
    assert better is not None
    assert better > 30
    assert value(kept, "psnr") is None  # nothing is blended there


@pytest.mark.slow(2)
def test_a_reference_of_another_length_is_refused(made: Made) -> None:
    path = made.output.with_name("short.mp4")
    write_clip(path, rgb_frames(made.output)[:5], frame_rate=Fraction(25), crf=10)
    with pytest.raises(InputError, match="5 frames of 480x270"):
        made.judge(made.output, reference=path)


@pytest.mark.slow(2)
def test_views_and_pictures_can_be_had_again(made: Made) -> None:
    evaluated = evaluate(made.film.original, made.film.synced, made.output, settings=SETTINGS)
    (index, views), *_ = evaluated.walk.views([7])
    (again, original, synced, result), *_ = evaluated.walk.pictures([7], Box(100, 40, 340, 240))
    assert (index, again) == (7, 7)
    assert len(views) == 1
    assert original.shape == synced.shape == result.shape == (200, 240, 3)
    assert np.abs(original.astype(int) - rgb_frames(made.film.original)[7][40:240, 100:340]).max() <= 2
    view = views[0]
    assert view.box.width == view.original.shape[1]
    assert replace(view, weight=0.5).face_width_px == pytest.approx(110, abs=8)
