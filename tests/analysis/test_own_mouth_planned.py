"""The mouth's own colours in the plan: one for the shot, learnt from good frames only."""

from __future__ import annotations

import numpy as np
import pytest
from planned import COUNT, analysis_of, even_stats

from lipblend.analysis.clip_analysis import ClipAnalysis
from lipblend.analysis.face_tracks import FaceTrack
from lipblend.analysis.measure import FaceMeasure
from lipblend.faces.landmarks import Landmarks
from lipblend.plan.make_plan import make_plan
from lipblend.settings import Settings
from lipblend.stages.colour.lip_samples import LIP_SAMPLES, SAMPLE_SHAPE

LIPS = (95.0, 116.0, 160.0)


def clip(face: Landmarks, *, cast: float = 0.0, darker: float = 0.0, sampled: int = COUNT) -> ClipAnalysis:
    """A clip whose synced picture has a cast, and lips that are darker besides, in levels of luma."""
    rng = np.random.default_rng(2)
    measured = []
    for frame in range(COUNT):
        sample = rng.normal(LIPS, 1.0, SAMPLE_SHAPE)
        sample[1] += cast
        sample[1, :LIP_SAMPLES, 0] -= darker
        mouth = sample.astype(np.float16) if frame < sampled else None
        measured.append(FaceMeasure(5.0, even_stats(120.0, 120.0 + cast), mouth=mouth))
    meshes = [face.points] * COUNT
    return analysis_of({0: FaceTrack.of(list(range(COUNT)), meshes, meshes, measured)})


def test_darker_lips_are_one_gain_over_the_shot(face: Landmarks) -> None:
    rows = make_plan(clip(face, darker=18.0), Settings()).rows
    mouths = [row.faces[0].mouth for row in rows]
    assert mouths[0] is not None
    lips = mouths[0].gain[2 * 20 : 5 * 20]
    np.testing.assert_allclose(lips, 1 + 18 / (LIPS[0] - 18 - 16), atol=0.06)
    assert all(each is not None and np.array_equal(each.gain, mouths[0].gain) for each in mouths)


def test_a_cast_of_the_whole_picture_is_the_colour_maps(face: Landmarks) -> None:
    mouth = make_plan(clip(face, cast=18.0), Settings()).rows[0].faces[0].mouth
    assert mouth is not None
    np.testing.assert_allclose(mouth.gain, 1, atol=0.02)
    np.testing.assert_allclose(mouth.shift, 0, atol=0.1)


@pytest.mark.parametrize("values", [{"lips": "off"}, {"lips_strength": 0}])
def test_off_plans_nothing(face: Landmarks, values: dict[str, object]) -> None:
    plan = make_plan(clip(face, darker=18.0), Settings.model_validate({"colour": values}))
    assert all(row.faces[0].mouth is None for row in plan.rows)


def test_too_few_frames_plan_nothing(face: Landmarks) -> None:
    plan = make_plan(clip(face, darker=18.0, sampled=4), Settings())
    assert all(row.faces[0].mouth is None for row in plan.rows)
