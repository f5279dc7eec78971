"""The rating page: one HTML file with style, script and data inside, which loads nothing but the clips beside it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

_PACKAGE, _FOLDER = "lipblend.lab.rating", "page"
_SCRIPTS = ("votes.js", "player.js", "app.js")


def page_text(data: Mapping[str, Any]) -> str:
    """Render the page.

    Its content security policy allows only its own script and style, and loads nothing but media.

    Parameters
    ----------
    data : mapping of str to JSON values
        What the script reads. Any text is safe: it is escaped.
    """
    style, script = _read("page.css"), "\n".join(map(_read, _SCRIPTS))
    environment = Environment(
        loader=PackageLoader(_PACKAGE, _FOLDER), autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True
    )
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":")}
    return environment.get_template("page.html").render(
        style=Markup(style), style_hash=_hash(style), script=Markup(script), script_hash=_hash(script), data=data
    )


def _read(name: str) -> str:
    return resources.files(_PACKAGE).joinpath(_FOLDER, name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
