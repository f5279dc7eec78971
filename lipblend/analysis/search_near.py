"""Hands, models of the user's own and the segmenter of people, where something may lie in front of a face."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lipblend.analysis.face_tracks import FaceTrack
from lipblend.analysis.hands_near import HandLooker
from lipblend.analysis.near_faces import Looker, NearFrames, faces_in_question, look_near
from lipblend.analysis.segment_near import SegmentLooker
from lipblend.errors import ModelError
from lipblend.faces.hand_landmarker import Hand, HandLandmarker
from lipblend.faces.models import companion_model
from lipblend.faces.person_segmenter import PersonSegmenter
from lipblend.pairing.scan import Scan
from lipblend.pairing.timeline import Timeline
from lipblend.settings import OcclusionSettings
from lipblend.stages.occlusion.occluder_model import OccluderModel


class OnFirstUse:
    """A hand landmarker that is opened when the first picture is searched: most suspicions need none.

    Parameters
    ----------
    stack : ExitStack
        Closes it.
    open_model : callable
    """

    def __init__(self, stack: ExitStack, open_model: Callable[[], HandLandmarker]) -> None:
        self._stack, self._open_model = stack, open_model
        self._model: HandLandmarker | None = None

    def __call__(self, rgb: npt.NDArray[np.uint8]) -> list[Hand]:
        """See `HandLandmarker.detect`."""
        if self._model is None:
            self._model = self._stack.enter_context(self._open_model())
        return self._model.detect(rgb)


def check_models(settings: OcclusionSettings, face_model: Path) -> None:
    """Check that the models that a search may need are there, before the work begins.

    ``auto`` opens them only if something departs from the look of a face, and that shows when the first pass has ended.

    Raises
    ------
    ModelError
        One is missing or not the expected one.
    """
    wanted = {"hands": ("hand_landmarker", settings.hands), "person": ("selfie_segmenter", settings.person)}
    for key, (name, when) in wanted.items():
        if settings.method == "off" or when == "off":
            continue
        try:
            companion_model(name, face_model)
        except ModelError as error:
            hint = f"{error.hint} To work without it: --set occlusion.{key}=off".strip()
            raise ModelError(error.message, hint=hint, details=error.details) from error


def search_near(
    original: Scan,
    line: Timeline,
    tracks: Mapping[int, FaceTrack],
    shot_starts: npt.NDArray[np.intp],
    settings: OcclusionSettings,
    *,
    face_model: Path,
) -> None:
    """Fill the columns ``hands``, ``segmented`` and ``person`` of the tracks' table, in one pass over their frames.

    Models are only opened if there is a frame to look at.

    Parameters
    ----------
    original : Scan
        Some of its frames are decoded again.
    line : Timeline
    tracks : mapping of int to FaceTrack
        All of one table, with departures.
    shot_starts : (m,) int
    settings : OcclusionSettings
    face_model : Path
        The other models may lie beside it.

    Raises
    ------
    ModelError
        A model is missing or cannot be used.
    """
    lookers: list[Looker] = []
    asked = {
        "hands": settings.hands,
        "person": settings.person,
        "model": "off" if settings.model == "none" else settings.model_every,
    }
    with ExitStack() as stack:
        for what, when in asked.items():
            faces = {} if when == "off" else faces_in_question(tracks, always=when == "always")
            if not faces:
                continue
            if what == "hands":
                path, confidence = companion_model("hand_landmarker", face_model), settings.hands_confidence
                hands = OnFirstUse(stack, partial(HandLandmarker, path, confidence=confidence))
                lookers.append(HandLooker(faces, hands, always=when == "always"))
            elif what == "person":
                segmenter = stack.enter_context(PersonSegmenter(companion_model("selfie_segmenter", face_model)))
                lookers.append(SegmentLooker.of_person(faces, segmenter.segment))
            else:
                lookers.append(SegmentLooker.of_model(faces, OccluderModel(Path(settings.model))))
        if lookers:
            look_near(NearFrames(original, line), tracks, shot_starts, lookers)
