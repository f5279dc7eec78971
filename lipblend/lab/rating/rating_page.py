"""The page's text: one HTML file with style, program and data in it, which loads nothing but the clips beside it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

_PARTS = ("page_votes.js", "page_player.js", "page_app.js")


def page_text(data: Mapping[str, Any]) -> str:
    """Make the page.

    Its content security policy lets only its own program run, and lets it load media only.

    Parameters
    ----------
    data : Mapping
        JSON values: what the program needs to know. Any text is safe.
    """
    style = _part("page.css")
    program = "\n".join(map(_part, _PARTS))
    policy = (
        f"default-src 'none'; media-src 'self' file:; script-src {_digest(program)}; style-src {_digest(style)}; "
        "base-uri 'none'; form-action 'none'"
    )
    filled = {"policy": policy, "css": style, "js": program, "data": script_json(data)}
    return re.sub(r"@@(\w+)@@", lambda match: filled[match[1]], _part("page.html"))


def script_json(data: Mapping[str, Any] | Sequence[Any]) -> str:
    """JSON that may stand in a script element: ASCII, and without ``<``, ``>`` and ``&``."""
    text = json.dumps(data, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _part(name: str) -> str:
    return resources.files("lipblend.lab.rating").joinpath(name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
