"""Measures of a result, their pass marks, and the report.

To add a measure of a face in a frame:

1. Write its function in the module of its region (`ring.py` for the seam) or in a new one, like `sharpness.py`: a
   `FaceView` in, a float out, or None if it cannot be measured. A measure of the change between two frames takes two
   views, as `ring_flicker` in `temporal.py` does.
2. List it in `measures.py`: key, title, unit, function, text, which side is better, and the tolerance of
   ``baseline check``. Evaluation, reports, JSON, CSV, baselines and sweeps take it from there.
3. Describe it in `docs/quality.md`; a test checks that. Only if it should be able to fail a result: name a pass mark
   in its entry, and add a setting of that name to `GateSettings` (`lipblend/settings/clip_groups.py`).

Measures of a shot, of the clip or against a reference take step 2 too, and are computed in `evaluation/`.
"""
