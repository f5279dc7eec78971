"""Which options of a run go together."""

from __future__ import annotations

from lipblend.errors import SettingsError
from lipblend.segments.proxy import ProxySize
from lipblend.segments.spans import FrameRange

MOST_JOBS = 64


def check_options(
    jobs: int, *, resume: bool, debug: bool, measure: bool, part: FrameRange | None, proxy: ProxySize | None
) -> None:
    """Refuse what cannot go together.

    Raises
    ------
    SettingsError
    """
    if not 1 <= jobs <= MOST_JOBS:
        raise SettingsError(f"--jobs {jobs} is out of range", hint=f"Use 1 to {MOST_JOBS}.")
    if debug and (jobs > 1 or resume):
        raise SettingsError(
            "--debug-dir needs every frame in turn", hint="Leave out --jobs and --resume, or --debug-dir."
        )
    if measure and (part is not None or proxy is not None):
        raise SettingsError(
            "only a whole output at full size can be measured",
            hint="Leave out --frames and --proxy, or --report, --gate and --junit.",
        )
