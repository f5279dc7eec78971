"""A composite in steps for several processes: prepare, render segments in any order, join; and what is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from patience import HANG_S
from runs import composited

from lipblend.composite_options import CompositeOptions
from lipblend.composite_segments import prepare_segments, render_segments
from lipblend.errors import LipblendError, OutputError, SettingsError
from lipblend.runtime.progress import OnProgress, no_progress
from lipblend.segments.kept_segments import KeptSegments, segments_folder
from lipblend.selfcheck.sample import SamplePair
from lipblend.settings import Settings
from tests.made import Shared

ROOT = Path(__file__).resolve().parents[2]
FRAMES, COUNT = 48, 4  # segments of 0.5 s: 12 frames
PART = """
import sys
from pathlib import Path
from lipblend.composite_options import CompositeOptions
from lipblend.composite_segments import render_segments
from lipblend.settings import Settings
original, synced, output, cache, text, first, last = sys.argv[1:]
options = CompositeOptions(cache=Path(cache))
settings = Settings.model_validate_json(text)
wanted = range(int(first), int(last))
print(render_segments(Path(original), Path(synced), Path(output), settings, options, wanted))
"""


def settings_with(**encode: object) -> Settings:
    encode = {"preset": "veryfast", "crf": 20, "threads": 1, "segment_s": 0.5, **encode}
    return Settings.model_validate({"track": {"min_face_px": 20}, "encode": encode})


@pytest.fixture(scope="module")
def pair(shared_material: Shared) -> SamplePair:
    return shared_material.sample(frames=FRAMES, size=192)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def options(cache: Path) -> CompositeOptions:
    return CompositeOptions(cache=cache)


@pytest.fixture(scope="module")
def in_one(pair: SamplePair, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What one run makes."""
    output = tmp_path_factory.mktemp("one") / "out.mp4"
    composited(pair.original, pair.synced, output, settings=settings_with(), cache=cache)
    return output.read_bytes()


Part = Callable[..., int]


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "out.mp4"


@pytest.fixture
def part(pair: SamplePair, output: Path, options: CompositeOptions) -> Part:
    """Render some segments."""

    def render(
        *span: int, settings: Settings | None = None, given: CompositeOptions = options, tell: OnProgress = no_progress
    ) -> int:
        files = pair.original, pair.synced, output
        return render_segments(*files, settings or settings_with(), given, range(*span), tell)

    return render


def prepare(pair: SamplePair, output: Path, options: CompositeOptions, settings: Settings | None = None) -> int:
    return prepare_segments(pair.original, pair.synced, output, settings or settings_with(), options).count


def kept_names(output: Path) -> list[str]:
    return sorted(path.name for path in segments_folder(output).iterdir() if path.suffix == ".segment")


def test_segments_in_any_order_and_twice_join_to_what_one_run_makes(
    pair: SamplePair, output: Path, options: CompositeOptions, in_one: bytes, part: Part, cache: Path
) -> None:
    assert prepare(pair, output, options) == COUNT
    assert kept_names(output) == []
    assert part(2, 4) == 24
    first = segments_folder(output) / "000002.segment"
    before = first.stat().st_mtime_ns
    rendered: list[int] = []
    assert part(1, 3, tell=lambda progress: rendered.append(progress.done) if progress.stage == "render" else None)
    assert rendered == list(range(13, 25))  # of the two segments, the second was there
    assert first.stat().st_mtime_ns == before
    assert kept_names(output) == [f"{number:06d}.segment" for number in (1, 2, 3)]
    assert prepare(pair, output, options) == COUNT  # again, by one that continues: nothing is lost
    assert len(kept_names(output)) == 3
    part(0, 1)
    joined = composited(pair.original, pair.synced, output, settings=settings_with(), cache=cache, resume=True)
    assert f"{FRAMES} of {FRAMES} frames were taken from an interrupted run" in joined.notes
    assert joined.blended == FRAMES
    assert output.read_bytes() == in_one
    assert list(output.parent.iterdir()) == [output]


@pytest.mark.slow(8)
def test_two_processes_at_the_same_time(
    pair: SamplePair, output: Path, options: CompositeOptions, in_one: bytes, cache: Path
) -> None:
    prepare(pair, output, options)
    words = [sys.executable, "-c", PART, *map(str, (pair.original, pair.synced, output, cache))]
    words.append(settings_with().model_dump_json())
    started = [
        subprocess.Popen([*words, *span], stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)})
        for span in (("0", "3"), ("1", "4"))  # two of them by both
    ]
    assert [process.communicate(timeout=HANG_S)[0] for process in started] == ["36\n", "36\n"]
    assert [process.returncode for process in started] == [0, 0]
    assert len(kept_names(output)) == COUNT
    composited(pair.original, pair.synced, output, settings=settings_with(), cache=cache, resume=True)
    assert output.read_bytes() == in_one
    assert list(output.parent.iterdir()) == [output]


@pytest.mark.slow
def test_a_part_of_other_settings_or_another_plan_is_refused(
    pair: SamplePair, output: Path, options: CompositeOptions, part: Part
) -> None:
    with pytest.raises(LipblendError, match="is not prepared for these segments") as caught:
        part(0, 1)
    assert caught.value.hint == "Run the whole job again."
    assert list(output.parent.iterdir()) == []
    prepare(pair, output, options)
    part(0, 1)
    for other in (settings_with(crf=21), settings_with(segment_s=0.6)):
        with pytest.raises(SettingsError, match="were created with different inputs, settings or versions"):
            part(0, 1, settings=other)
    replacing = CompositeOptions(cache=options.cache, replace_kept=True)
    with pytest.raises(OutputError, match="is not prepared for these segments"):
        part(0, 1, settings=settings_with(crf=21), given=replacing)
    assert kept_names(output) == ["000000.segment"]  # what is there is not a part's to remove
    assert prepare(pair, output, replacing, settings_with(crf=21)) == COUNT
    assert kept_names(output) == []


def test_segments_need_a_cache(pair: SamplePair, output: Path, part: Part) -> None:
    without = CompositeOptions()
    with pytest.raises(SettingsError, match="can only be made by several machines with a cache") as caught:
        prepare(pair, output, without)
    assert caught.value.hint == "Leave out --no-cache."
    with pytest.raises(SettingsError, match="with a cache"):
        part(0, 1, given=without)
    assert list(output.parent.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="no locks on folders there")
def test_those_that_share_a_folder_keep_out_only_those_that_do_not(output: Path) -> None:
    key = {"settings": "these"}
    whole = KeptSegments(output, key)
    whole.prepare(plan="a")
    parts = [KeptSegments(output, key, shared=True) for _ in range(2)]
    for kept in parts:
        kept.open(plan="a")
    with pytest.raises(OutputError, match="another run is using the kept segments"):
        KeptSegments(output, key)
    parts[0].release()
    with pytest.raises(OutputError, match="another run is using the kept segments"):
        whole.open(plan="a")
    parts[1].release()
    whole.open(plan="a")
    with pytest.raises(OutputError, match="another run is using the kept segments"):
        KeptSegments(output, key, shared=True)
    whole.release()
    other = KeptSegments(output, key, shared=True)
    with pytest.raises(SettingsError, match="created with different inputs"):
        other.open(plan="b")
    KeptSegments(output, key).open(plan="a")  # the lock of a failed one is not kept


def test_a_folder_without_a_key_is_not_prepared(output: Path) -> None:
    kept = KeptSegments(output, {"settings": "these"}, shared=True)
    with pytest.raises(OutputError, match="is not prepared for these segments"):
        kept.open()
    assert not segments_folder(output).exists()
    segments_folder(output).mkdir()
    with pytest.raises(OutputError, match="is not prepared for these segments"):
        kept.open()
    assert list(segments_folder(output).iterdir()) == []
