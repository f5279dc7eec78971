"""The list of measures."""

from __future__ import annotations

from lipblend.quality import colour_step, overspill, ring, sharpness, temporal
from lipblend.quality.measure_entry import Measure
from lipblend.quality.view import FaceView
from lipblend.quality.visible.visible_parts import PARTS


def _original_opening(view: FaceView) -> float:
    return view.original_mesh.mouth_opening


def _synced_opening(view: FaceView) -> float | None:
    return view.detected_synced.mouth_opening if view.detected_synced is not None else None


def _result_opening(view: FaceView) -> float | None:
    return view.detected_result.mouth_opening if view.detected_result is not None else None


_SOBEL = "Sobel operator, 3x3, unnormalised"
_SSIM = "Wang, Bovik, Sheikh, Simoncelli 2004, https://doi.org/10.1109/TIP.2003.819861"

_LIST = (
    Measure(
        key="score", title="Headline", unit="of 100", better="high", per="clip", mark="score_min", tolerance=2.0,
        text="how invisible the composite is, from all visible parts", source="Quick 1974",
    ),
    *PARTS,
    Measure(
        key="seam", title="Seam discontinuity", mark="seam_max", published=0.12, tolerance=0.005,
        of_face=ring.seam, at_contour=True,
        text="mean over the ring of |grad result - grad expected picture|, luma in 0..1", source=_SOBEL,
    ),
    Measure(
        key="seam_rel", title="Seam discontinuity, relative", tolerance=0.05, of_face=ring.relative_seam,
        at_contour=True, text="seam discontinuity over the mean of |grad original| in the ring", source=_SOBEL,
    ),
    Measure(
        key="ssim_y", title="Ring SSIM, luma", better="high", mark="ring_ssim_min", published=0.92, tolerance=0.005,
        of_face=ring.ssim_y, at_contour=True,
        text="mean structural similarity of result and expected picture over the ring", source=_SSIM,
    ),
    Measure(
        key="ssim_cb", title="Ring SSIM, Cb", better="high", tolerance=0.005, of_face=ring.ssim_cb, at_contour=True,
        text="mean structural similarity of Cb over the ring", source=_SSIM,
    ),
    Measure(
        key="ssim_cr", title="Ring SSIM, Cr", better="high", tolerance=0.005, of_face=ring.ssim_cr, at_contour=True,
        text="mean structural similarity of Cr over the ring", source=_SSIM,
    ),
    Measure(
        key="colour_step", title="Seam colour step", unit="CIEDE2000", mark="colour_step_max", tolerance=0.1,
        of_face=colour_step.seam_colour_step, at_contour=True,
        text="colour difference of the low-passed picture across the seam, less the original's own",
        source="CIE 142-2001; Sharma, Wu, Dalal 2005, https://doi.org/10.1002/col.20070",
    ),
    Measure(
        key="alpha", title="Ring alpha", of_face=ring.ring_alpha, full_weight=True,
        text="mean alpha over the ring; shown for its flicker only",
    ),
    Measure(
        key="alpha_flicker", title="Alpha flicker", per="shot", mark="alpha_flicker_max", published=0.08,
        tolerance=0.005,
        text="standard deviation over time of the ring's mean alpha, over its mean",
    ),
    Measure(
        key="ring_flicker", title="Ring flicker", unit="grey levels", mark="ring_flicker_max", tolerance=0.1,
        of_change=temporal.ring_flicker, at_contour=True,
        text="mean over the ring of the frame-to-frame change of result - original, low-passed",
    ),
    Measure(
        key="overspill", title="Overspill of the old lips", unit="share", mark="overspill_max", published=0.001,
        all_frames=True, tolerance=0.0005, of_face=overspill.overspill,
        text="share of the original's lips where alpha < 0.5 although the synced picture differs",
    ),
    Measure(
        key="leak", title="Leak of the old lips", unit="share", tolerance=0.002, of_face=overspill.leak,
        text="mean of 1 - alpha over the original's lips, weighted by the difference of the synced picture",
    ),
    Measure(
        key="lip_corr", title="Lip-sync kept", unit="correlation", better="high", per="clip", mark="lip_corr_min",
        tolerance=0.002,
        text="correlation over time of the mouth opening of result and synced", source="Pearson",
    ),
    Measure(
        key="untouched", title="Untouched outside", unit="levels", mark="untouched_max", all_frames=True,
        tolerance=0.5, text="largest mean difference from the original of 16 x 16 pixels outside the matte",
    ),
    Measure(
        key="outside", title="Encoding loss outside", unit="grey levels", mark="outside_max", tolerance=0.1,
        text="mean luma difference of the finished file from the original outside the matte",
    ),
    Measure(
        key="cast", title="Colour cast inside", unit="CIE76", mark="cast_max", tolerance=0.2,
        of_face=temporal.cast_length,
        text="length of the mean Lab difference of result and original over skin inside the seam",
    ),
    Measure(
        key="colour_drift", title="Colour consistency", unit="CIE76", per="shot", mark="colour_drift_max",
        tolerance=0.1, text="root mean square over time of the colour cast's deviation from its mean",
        source="2.3 is just noticeable: Mahy, Van Eycken, Oosterlinck 1994, Color Research and Application 19(2)",
    ),
    Measure(
        key="sharpness", title="Sharpness of the mouth", unit="ratio", better="one", tolerance=0.03,
        of_face=sharpness.sharpness, text="fine detail inside the seam, result over original",
    ),
    Measure(
        key="grain", title="Grain of the patch", unit="ratio", better="one", tolerance=0.05, of_face=sharpness.grain,
        text="noise of the skin inside the seam, result over original",
    ),
    Measure(
        key="psnr", title="PSNR against the reference", unit="dB", better="high", tolerance=0.1,
        text="of R'G'B' over the lower face",
    ),
    Measure(
        key="ssim", title="SSIM against the reference", better="high", tolerance=0.002,
        text="of luma over the lower face", source=_SSIM,
    ),
    Measure(
        key="temporal", title="Temporal error against the reference", unit="grey levels", tolerance=0.05,
        text="mean frame-to-frame change of the error over the lower face, low-passed",
    ),
    Measure(
        key="rag", title="Raggedness of the lip lines against the reference", unit="ratio", better="one",
        tolerance=0.03,
        text="change of luma along the edges of the lip lines, result over reference",
        source="Bigun and Granlund 1987, structure tensor",
    ),
    Measure(
        key="overshoot", title="Overshoot at the lip lines against the reference", unit="share", tolerance=0.005,
        text="95th percentile along the lip lines of how far luma leaves the reference's range, over the step there",
    ),
    Measure(
        key="lpips", title="LPIPS against the reference", tolerance=0.005, text="face crop, AlexNet",
        source="Zhang et al. 2018, https://doi.org/10.1109/CVPR.2018.00068",
    ),
    Measure(
        key="opening_original", title="Mouth opening, original", better="high", of_face=_original_opening,
        text="gap of the inner lips over mouth width",
    ),
    Measure(
        key="opening_synced", title="Mouth opening, synced", better="high", of_face=_synced_opening,
        text="mouth opening in the synced video",
    ),
    Measure(
        key="opening_result", title="Mouth opening, result", better="high", of_face=_result_opening,
        text="mouth opening in the result",
    ),
    Measure(
        key="faulty", title="Faulty synced frames", unit="share", per="clip", mark="faulty_max", tolerance=0.01,
        text="frames whose synced patch is broken",
    ),
    Measure(
        key="passed_through", title="Passed through", unit="share", per="clip", mark="passed_through_max",
        tolerance=0.0, text="share of frames without a patch",
    ),
)  # fmt: skip

MEASURES: dict[str, Measure] = {measure.key: measure for measure in _LIST}
"""By key, in the order in which they are shown."""
