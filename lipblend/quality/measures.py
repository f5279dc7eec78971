"""The measures: what each is called, how it is computed, where it comes from, and which pass mark it has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Measure:
    """One measure.

    Attributes
    ----------
    key, title, unit : str
    better : str
        "low", "high", or "one" where the best value is 1 and both sides are worse.
    per : str
        What one value stands for: "frame", "shot" or "clip".
    mark : str
        Setting of the group ``gate`` that is its pass mark; empty if it is only shown.
    every : bool
        Frames: all must keep the mark, not only the share ``gate.frame_share``.
    text, source : str
        The formula in words, and where it comes from.
    """

    key: str
    title: str
    unit: str
    better: Literal["low", "high", "one"]
    per: Literal["frame", "shot", "clip"]
    text: str
    source: str = ""
    mark: str = ""
    every: bool = False


_SOBEL = "Sobel operator, 3x3, unnormalised"
_SSIM = "Wang, Bovik, Sheikh, Simoncelli 2004, https://doi.org/10.1109/TIP.2003.819861"

MEASURES: dict[str, Measure] = {
    measure.key: measure
    for measure in (
        Measure(
            "seam", "Seam discontinuity", "", "low", "frame",
            "mean over the ring of |grad result - grad original|, luma in 0..1", _SOBEL, mark="seam_max",
        ),
        Measure(
            "seam_rel", "Seam discontinuity, relative", "", "low", "frame",
            "the same over the mean of |grad original| in the ring", _SOBEL,
        ),
        Measure(
            "ssim_y", "Ring SSIM, luma", "", "high", "frame",
            "mean structural similarity of result and original over the ring", _SSIM, mark="ring_ssim_min",
        ),
        Measure("ssim_cb", "Ring SSIM, Cb", "", "high", "frame", "the same on Cb", _SSIM),
        Measure("ssim_cr", "Ring SSIM, Cr", "", "high", "frame", "the same on Cr", _SSIM),
        Measure(
            "colour_step", "Seam colour step", "CIEDE2000", "low", "frame",
            "colour difference of the low-passed picture across the seam, less the original's own there",
            "CIE 142-2001; Sharma, Wu, Dalal 2005, https://doi.org/10.1002/col.20070", mark="colour_step_max",
        ),
        Measure("alpha", "Ring alpha", "", "low", "frame", "mean alpha over the ring; shown for its flicker only"),
        Measure(
            "alpha_flicker", "Alpha flicker", "", "low", "shot",
            "standard deviation over time of the ring's mean alpha, over its mean", mark="alpha_flicker_max",
        ),
        Measure(
            "ring_flicker", "Ring flicker", "grey levels", "low", "frame",
            "mean over the ring of the change, from the frame before, of result - original, low-passed",
            mark="ring_flicker_max",
        ),
        Measure(
            "overspill", "Overspill of the old lips", "share", "low", "frame",
            "share of the original's lips where alpha < 0.5 although the synced picture differs there",
            mark="overspill_max", every=True,
        ),
        Measure(
            "leak", "Leak of the old lips", "share", "low", "frame",
            "mean of 1 - alpha over the original's lips, weighted by how much the synced picture differs",
        ),
        Measure(
            "lip_corr", "Lip-sync kept", "correlation", "high", "clip",
            "correlation over time of the mouth opening of result and synced", "Pearson", mark="lip_corr_min",
        ),
        Measure(
            "untouched", "Untouched outside", "levels", "low", "frame",
            "largest difference from the original outside the matte, before encoding", mark="untouched_max", every=True,
        ),
        Measure(
            "outside", "Encoding loss outside", "grey levels", "low", "frame",
            "mean difference of the finished file from the original outside the matte, luma",
            mark="outside_max",
        ),
        Measure(
            "cast", "Colour cast inside", "CIE76", "low", "frame",
            "length of the mean Lab difference of result and original over skin inside the seam",
            mark="cast_max",
        ),
        Measure(
            "colour_drift", "Colour consistency", "CIE76", "low", "shot",
            "root mean square over time of that difference's deviation from its mean",
            "2.3 is just noticeable: Mahy, Van Eycken, Oosterlinck 1994, Color Research and Application 19(2)",
            mark="colour_drift_max",
        ),
        Measure(
            "sharpness", "Sharpness of the mouth", "ratio", "one", "frame",
            "fine detail inside the seam against the original's there",
        ),
        Measure(
            "grain", "Grain of the patch", "ratio", "one", "frame",
            "noise inside the seam against the original's noise on the skin about it",
        ),
        Measure("psnr", "PSNR against the reference", "dB", "high", "frame", "of R'G'B' over the lower face"),
        Measure(
            "ssim", "SSIM against the reference", "", "high", "frame", "of luma over the lower face", _SSIM
        ),
        Measure(
            "temporal", "Temporal error against the reference", "grey levels", "low", "frame",
            "mean change of the error from the frame before, lower face, low-passed",
        ),
        Measure(
            "lpips", "LPIPS against the reference", "", "low", "frame", "face crop, AlexNet",
            "Zhang et al. 2018, https://doi.org/10.1109/CVPR.2018.00068",
        ),
        Measure(
            "opening_original", "Mouth opening, original", "", "high", "frame", "gap of the inner lips over mouth width"
        ),
        Measure("opening_synced", "Mouth opening, synced", "", "high", "frame", "the same in the synced video"),
        Measure("opening_result", "Mouth opening, result", "", "high", "frame", "the same in the result"),
        Measure("faulty", "Faulty synced frames", "share", "low", "clip", "frames whose synced patch is broken",
                mark="faulty_max"),
        Measure("passed_through", "Passed through", "share", "low", "clip", "share of frames without a patch",
                mark="passed_through_max"),
    )
}  # fmt: skip
"""By key, in the order in which they are shown."""
