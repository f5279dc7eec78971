"""The same steps as `composite`, one by one: analyse once, then render single frames as PNG files.

python examples/step_by_step.py original.mp4 synced.mp4 FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2

from lipblend import Settings, compose, make_plan, open_pair, render_frame


def main(original: Path, synced: Path, folder: Path) -> None:
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
    main(*map(Path, sys.argv[1:4]))
