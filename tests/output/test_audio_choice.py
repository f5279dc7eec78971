"""Which sound the output takes, by what the two videos have and what is asked for."""

from __future__ import annotations

import pytest

from lipblend.errors import InputError
from lipblend.output.sound.audio_plan import AudioPlan, choose_audio
from lipblend.video.probe import probe
from tests.small_videos import MakeVideo


class Cast:
    """Described clips: without sound, with one sound twice, and with another sound."""

    def __init__(self, make_video: MakeVideo) -> None:
        self.mute = probe(make_video("mute.mp4"))
        self.loud = probe(make_video("loud.mp4", audio=("aac",)))
        self.twin = probe(make_video("twin.mp4", audio=("aac",)))
        self.other = probe(make_video("other.mp4", audio=("aac",), tone_hz=660))


@pytest.fixture
def cast(make_video: MakeVideo) -> Cast:
    return Cast(make_video)


@pytest.mark.parametrize("source", ["auto", "original"])
def test_choice_on_the_originals_timeline(cast: Cast, source: str) -> None:
    plan = choose_audio(cast.loud, cast.twin, source)
    assert (plan.source, plan.stream_index, plan.taken, plan.notes) == (cast.loud.path, 1, "original", ())
    assert choose_audio(cast.loud, cast.mute, source, offset_s=2.0) == plan
    plan = choose_audio(cast.loud, cast.other, source)
    assert (plan.taken, len(plan.notes)) == ("original", source == "auto")
    if source == "auto":  # a note only if none was requested
        assert "different sound: the original's" in plan.notes[0]
        assert "--audio synced" in plan.notes[0]
    plan = choose_audio(cast.mute, cast.loud, source)
    assert (plan.source, plan.taken) == (cast.loud.path, "synced")
    assert plan.notes == ("the original has no sound: the synced video's is used",)
    plan = choose_audio(cast.mute, cast.mute, source)
    assert (plan.taken, plan.notes) == ("none", ("neither video has sound",))


@pytest.mark.parametrize("source", ["auto", "synced"])
def test_choice_on_the_synced_timeline(cast: Cast, source: str) -> None:
    plan = choose_audio(cast.loud, cast.twin, source, timeline="synced")
    assert (plan.source, plan.taken, plan.notes) == (cast.twin.path, "synced", ())
    assert choose_audio(cast.mute, cast.twin, source, timeline="synced") == plan
    plan = choose_audio(cast.loud, cast.other, source, timeline="synced")
    assert (plan.source, plan.taken, len(plan.notes)) == (cast.other.path, "synced", source == "auto")
    if source == "auto":
        assert "different sound: the synced video's" in plan.notes[0]
        assert "--audio original for the other, which may be out of sync" in plan.notes[0]


def test_the_originals_sound_does_not_fit_the_synced_timeline(cast: Cast) -> None:
    plan = choose_audio(cast.loud, cast.mute, "auto", timeline="synced")
    assert (plan.source, plan.taken, len(plan.notes)) == (None, "none", 1)
    assert "does not fit" in plan.notes[0]
    assert "--audio original" in plan.notes[0]
    assert choose_audio(cast.mute, cast.mute, "auto", timeline="synced").notes == ("neither video has sound",)
    plan = choose_audio(cast.loud, cast.other, "original", timeline="synced")
    assert (plan.source, plan.taken) == (cast.loud.path, "original")
    assert any("out of sync" in note for note in plan.notes)
    assert not any("--audio synced" in note for note in plan.notes)
    plan = choose_audio(cast.mute, cast.loud, "original", timeline="synced")
    assert (plan.taken, plan.notes) == ("synced", ("the original has no sound: the synced video's is used",))


@pytest.mark.parametrize("timeline", ["original", "synced"])
def test_sound_chosen_by_name(cast: Cast, timeline: str) -> None:
    assert choose_audio(cast.loud, cast.other, "none", timeline=timeline) == AudioPlan(None, None, "none", ())
    plan = choose_audio(cast.loud, cast.other, "synced", timeline=timeline)
    assert (plan.source, plan.taken) == (cast.other.path, "synced")
    assert plan.notes == ()
    assert choose_audio(cast.loud, cast.twin, "synced", timeline=timeline).notes == ()
    plan = choose_audio(cast.mute, cast.mute, str(cast.loud.path), timeline=timeline)
    assert (plan.source, plan.taken, plan.notes) == (cast.loud.path, "file", ())
    with pytest.raises(InputError, match="has no sound"):
        choose_audio(cast.loud, cast.mute, "synced", timeline=timeline)
    with pytest.raises(InputError, match="has no sound"):
        choose_audio(cast.loud, cast.loud, str(cast.mute.path), timeline=timeline)
    with pytest.raises(InputError, match="there is no such file"):
        choose_audio(cast.loud, cast.loud, "voice.wav", timeline=timeline)
