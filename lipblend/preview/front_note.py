"""What a preview says of what lies in front of a face."""

from __future__ import annotations

from lipblend.plan.frame_plan import FramePlan
from lipblend.plan.front_log import Hiding


def front_note(row: FramePlan, time_s: float, *, whole: bool) -> str:
    """What lies in front of the faces of a frame; empty for nothing.

    ``whole`` says that the whole clip was analysed, and not an excerpt, of which less is known.
    """
    hiding = Hiding.of_row(row)
    if not hiding.ways:
        return ""
    share = f", {100 * hiding.share:.0f} % of the lower face" if hiding.share else ""
    searched = "" if whole else "; found in an excerpt around it, where a whole run may find more or less"
    return (
        f"something lies in front of the face at {time_s:.2f} s and stays ({', '.join(hiding.ways)}{share}){searched}"
    )
