"""The options of ``lipblend composite`` for segments and quick looks."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from lipblend import compositing
from lipblend.cli.app import app
from lipblend.composite_options import CompositeOptions
from lipblend.errors import OutputError, SettingsError
from lipblend.segments.kept_segments import KeptSegments
from lipblend.segments.proxy_size import ProxySize
from lipblend.settings.frame_range import FrameRange

run = CliRunner()


class _Failing:
    """In the place of `composite`: notes what it is asked to do, keeps a segment, and fails."""

    def __init__(self) -> None:
        self.options: CompositeOptions | None = None
        self.error: BaseException = OutputError("no")

    def __call__(self, original: Path, synced: Path, output: Path, *, options: CompositeOptions, **_: Any) -> None:
        self.options = options
        if options.resume:
            kept = KeptSegments(output, {})
            kept.open()
            kept.path(0).write_bytes(b"x")
            kept.release()
        raise self.error


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> _Failing:
    pretended = _Failing()
    monkeypatch.setattr(compositing, "composite", pretended)
    return pretended


def test_the_options_reach_the_run(failing: _Failing, tmp_path: Path) -> None:
    command = ["composite", "a.mp4", "b.mp4", "-o", str(tmp_path / "out.mp4")]
    run.invoke(app, command)
    assert [getattr(failing.options, name) for name in ("jobs", "resume", "frames", "proxy")] == [1, False, None, None]
    done = run.invoke(app, [*command, "--jobs", "3", "--frames", "-50:", "--proxy", "0.5"])
    assert [getattr(failing.options, name) for name in ("jobs", "resume", "frames", "proxy")] == [
        3, False, FrameRange(-50, None), ProxySize(Fraction(1, 2)),
    ]  # fmt: skip
    assert "finished segments" not in done.stderr


@pytest.mark.parametrize(("error", "code"), [(KeyboardInterrupt(), 130), (OutputError("no"), 7)])
def test_a_stopped_run_says_where_its_segments_are(
    failing: _Failing, tmp_path: Path, error: BaseException, code: int
) -> None:
    failing.error = error
    command = ["composite", "a.mp4", "b.mp4", "-o", str(tmp_path / "out.mp4"), "--resume"]
    done = run.invoke(app, command)
    assert done.exit_code == code
    assert f"finished segments are kept in {tmp_path / '.out.mp4.lipblend-segments'}" in done.stderr
    assert "finished segments" not in run.invoke(app, [*command, "--quiet"]).stderr
    failing.error = SettingsError("other settings")
    assert "finished segments" not in run.invoke(app, command).stderr


@pytest.mark.parametrize(
    "wrong",
    [
        ("--frames", "7:3"), ("--frames", "x"), ("--frames", "1" * 5000 + ":"), ("--proxy", "2"),
        ("--proxy", "1e99999"), ("--proxy", "1" * 5000), ("--jobs", "0"), ("--debug-format", "video"),
        ("--no-video",),
    ],
)  # fmt: skip
def test_wrong_values_end_with_2_before_any_work(failing: _Failing, wrong: tuple[str, ...]) -> None:
    assert run.invoke(app, ["composite", "a.mp4", "b.mp4", "-o", "out.mp4", *wrong]).exit_code == 2
    assert failing.options is None
