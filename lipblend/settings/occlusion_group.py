"""Settings for what lies in front of a face and stays there."""

from __future__ import annotations

from typing import Literal

from lipblend.settings.base import Group, choice, number


class OcclusionSettings(Group):
    """What passes before the mouth (hands, microphones, cups, hair) and stays the original's."""

    method: Literal["auto", "off"] = choice(
        "auto",
        "auto: let what passes before the face stay the original's. off: blend as if nothing did.",
        "--occlusion",
    )
    looks: Literal["auto", "off"] = choice(
        "auto",
        "Find departures: what looks unlike the same place of the face in the rest of the shot (a cup, a hand), where "
        "the synced picture shows something else. off: do not.",
    )
    looks_weight: float = number(
        1, 0, 4, "factor", "How much such departures count: above 1, fainter ones are taken too."
    )
    strands: Literal["auto", "off"] = choice(
        "auto", "Find thin strands before the face (hair, cables, the rim of a glass) that the synced picture lacks."
    )
    strands_weight: float = number(1, 0, 4, "factor", "How much strands count: above 1, fewer of them are enough.")
    hands: Literal["auto", "always", "off"] = choice(
        "auto",
        "Find hands with MediaPipe's Hand Landmarker. auto: in frames near a departure; always: in every frame, which "
        "takes 20 to 45 ms each.",
    )
    hands_weight: float = number(1, 0, 1, "", "Share of a hand that stays in front: 1 all of it, 0 nothing.")
    hands_confidence: float = number(0.5, 0.1, 0.95, "probability", "Minimum confidence of the hand detector.")
    model: str = choice(
        "none", "none, or an ONNX file that tells what lies in front of a face, with its mapping file beside it."
    )
    model_every: Literal["auto", "always"] = choice(
        "auto", "Frames that the model sees. auto: those near a departure; always: every one with a face."
    )
    model_confidence: float = number(0.5, 0.05, 0.95, "probability", "From which what the model finds is in front.")
    model_weight: float = number(
        1, 0, 1, "", "Share of what the model finds that stays in front: 1 all of it, 0 nothing."
    )
    person: Literal["off", "auto", "always"] = choice(
        "off",
        "Keep what MediaPipe's selfie segmenter takes for background within the face. auto: in frames near a "
        "departure; always: in every frame.",
    )
