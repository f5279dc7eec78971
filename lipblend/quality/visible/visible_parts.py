"""The list of visible parts: what a viewer may notice, its measure, and from where on it is seen.

The limits were chosen on some clips and confirmed on others, see docs/lab/verdict.md.
"""

from __future__ import annotations

from lipblend.quality.measure_entry import Measure, Visible

_JND = "Yang, Ling, Lu, Ong, Yao 2005, https://doi.org/10.1016/j.image.2005.04.001"

_AREA = "Piper's law: Barlow 1958, https://doi.org/10.1113/jphysiol.1958.sp005978"

PARTS = (
    Measure(
        key="seam_step", title="Edge around the mouth", unit="JND", visible=Visible(0.45, 0.8), tolerance=0.1,
        sentence="an edge shows around the new mouth",
        text="step across the contour beyond the expected picture's, over the just noticeable one: the larger of the "
        "median along the contour and a third of its 90th percentile",
        source=_JND,
    ),
    Measure(
        key="box_trace", title="Trace of the generator's box", unit="JND", visible=Visible(1.2, 1.8), tolerance=0.2,
        sentence="the edge of the box that the generator pasted shows",
        text="median step along the edges of what the generator pasted, over the just noticeable one", source=_JND,
    ),
    Measure(
        key="uneven", title="Shadow or light edge", unit="JND", visible=Visible(3.0, 5.5), tolerance=0.4,
        sentence="light or shadow falls where none was",
        text="99th percentile of the steps around the mouth beyond the expected picture's, over the just noticeable",
        source=_JND,
    ),
    Measure(
        key="doubled", title="Doubled lines", unit="levels", visible=Visible(1.2, 2.1), tolerance=0.15,
        sentence="lines of the face are doubled or broken, such as chin, nostrils or folds",
        text="99.7th percentile of thin structure around the mouth beyond the expected picture's, masked by its own",
    ),
    Measure(
        key="displaced", title="Displaced mouth", unit="share", visible=Visible(0.007, 0.015), tolerance=0.002,
        of_synced=True,
        sentence="the mouth sits in the wrong place",
        text="distance of the mouth from where the synced picture shows it over 0.16 s, in face widths",
        source="Lucas and Kanade 1981",
    ),
    Measure(
        key="old_lips", title="Old lips shining through", unit="share", visible=Visible(0.05, 0.11, 0.09),
        of_synced=True, tolerance=0.02, sentence="the old lips shine through",
        text="share of the old mouth's motion in what the result shows beyond the new mouth, by ridge regression",
        source="Hoerl and Kennard 1970, https://doi.org/10.1080/00401706.1970.10488634",
    ),
    Measure(
        key="skin_cast", title="Colour of the skin", unit="levels", visible=Visible(0.3, 0.7), tolerance=0.1,
        sentence="the skin around the mouth has another colour",
        text="median over the skin around the mouth of the smooth colour difference from the expected picture; less on "
        "a face below 120 pixels",
        source=_AREA,
    ),
    Measure(
        key="glow", title="Glow or stain", unit="levels", visible=Visible(3.5, 6.5), tolerance=0.3,
        sentence="a patch of the skin glows or is stained",
        text="95th percentile over the skin around the mouth of the smooth colour difference from the expected "
        "picture; less on a face below 120 pixels",
        source=_AREA,
    ),
    Measure(
        key="mouth_colour", title="Colour of the mouth", unit="levels", visible=Visible(2.8, 4.4), tolerance=0.3,
        of_synced=True,
        sentence="lips or teeth have a colour that neither video shows",
        text="98th percentile over the lips of the smooth chroma difference from the nearer of the original and the "
        "synced picture in the original's colours",
    ),
    Measure(
        key="mouth_dark", title="Black mouth", unit="levels", visible=Visible(8.0, 20.0), tolerance=1.0,
        of_synced=True,
        sentence="the mouth has a black hole",
        text="98th percentile over the lips of how much darker the result is than both pictures",
    ),
    Measure(
        key="mouth_unlike", title="Foreign mouth", unit="share", visible=Visible(0.3, 0.6), tolerance=0.05,
        of_synced=True,
        sentence="the mouth is neither the new one nor the old one",
        text="structure of the mouth that no mixture of both pictures explains, over the new mouth's own",
    ),
    Measure(
        key="softness", title="Soft skin", unit="share", visible=Visible(0.1, 0.19), tolerance=0.02,
        sentence="the skin around the mouth is too soft, or lost its grain",
        text="fine detail that the skin lacks against the expected picture, 90th percentile",
    ),
    Measure(
        key="lip_softness", title="Soft lips", unit="share", visible=Visible(0.2, 0.55, 0.34), tolerance=0.03,
        sentence="the lips are too soft",
        text="fine detail that the lips lack against the original's",
    ),
    Measure(
        key="lip_ragged", title="Torn lip lines", unit="ratio", visible=Visible(1.4, 1.9), tolerance=0.15,
        of_synced=True,
        sentence="the lip lines are torn into single pixels",
        text="change along the edges of the lip lines over what the sharpened synced picture or the original's lips "
        "have, 95th percentile",
        source="Bigun and Granlund 1987, structure tensor",
    ),
    Measure(
        key="lip_halo", title="Halos at the lips", unit="%", visible=Visible(1.3, 2.8), tolerance=0.3, of_synced=True,
        sentence="halos or etched lines show at lips and teeth",
        text="mean overshoot beyond the synced picture's range at the lip lines, over the step there, less what the "
        "original has beyond itself when as soft",
    ),
    Measure(
        key="foreign_texture", title="Noise or blocks", unit="ratio", visible=Visible(1.5, 2.4), tolerance=0.1,
        sentence="noise or blocks show that the original has not",
        text="fine detail around the mouth over the expected picture's, 99.5th percentile",
    ),
    Measure(
        key="flicker", title="Flicker", unit="levels", visible=Visible(0.18, 0.45), tolerance=0.05,
        sentence="the colour of the patch flickers",
        text="change from frame to frame of the smooth colour difference from the expected picture, median over the "
        "skin around the mouth; less on a face below 120 pixels",
        source=_AREA,
    ),
    Measure(
        key="painted_over", title="Painted over", unit="share", visible=Visible(0.004, 0.012), tolerance=0.003,
        sentence="something in front of the face was painted over",
        text="share of the lower face where the original departs from how the person looks, and the result shows the "
        "synced picture instead",
    ),
    Measure(
        key="out_of_step", title="Lips out of step", unit="share", visible=Visible(0.12, 0.2), tolerance=0.03,
        of_synced=True,
        sentence="the lips do not move as in the synced video",
        text="share of the new mouth's motion that the result lacks, by ridge regression",
        source="Hoerl and Kennard 1970, https://doi.org/10.1080/00401706.1970.10488634",
    ),
    Measure(
        key="touched_area", title="Changed away from the mouth", unit="share", visible=Visible(0.04, 0.1),
        tolerance=0.01, sentence="the picture is changed away from the mouth",
        text="share of the picture beside the face's lower half that differs from the original by more than 2.5 levels",
    ),
)  # fmt: skip
"""In the order in which they are shown."""
