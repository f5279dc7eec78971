"""The same steps as `composite`, one by one: analyse once, then render single frames as PNG files.

From the checkout, after scripts/lipblend has made .venv:

    .venv/bin/python examples/step_by_step.py original.mp4 synced.mp4 FOLDER

or with any Python in which `pip install .` was run.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2

from lipblend import LipblendError, Settings, compose, make_plan, open_pair, render_frame


def main(arguments: list[str]) -> int:
    if len(arguments) != 3:
        print("usage: step_by_step.py ORIGINAL.mp4 SYNCED.mp4 FOLDER", file=sys.stderr)
        return 2
    try:
        render(*map(Path, arguments))
    except LipblendError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def render(original: Path, synced: Path, folder: Path) -> None:
    settings = Settings()
    pair = open_pair(original, synced)
    analysis = pair.analyse(settings)
    plan = make_plan(analysis, settings)
    print(f"{len(plan.rows)} frames, {sum(bool(row.faces) for row in plan.rows)} with a face to work on")
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(0, len(plan.rows), 10):
        row = plan.rows[number]
        before = analysis.original.picture(analysis.original.frame(row.original_index))
        after = None
        if row.synced_index >= 0:
            after = analysis.synced.picture(analysis.synced.frame(row.synced_index))
        result = render_frame(before, after, row, settings, mapping=analysis.mapping)
        rgb = compose(before, result).to_rgb()
        cv2.imwrite(str(folder / f"{number:06d}.png"), rgb[..., ::-1])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
