"""The templates in the folder `page`, for pages of one file that load nothing else."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined

from lipblend.quality.report.page_details import count_text, size_text
from lipblend.quality.report.wording import time_text, written_unit

_FOLDER = "page"


@cache
def page_environment() -> Environment:
    """The templates; every value is escaped unless a template says otherwise."""
    environment = Environment(
        loader=PackageLoader(__package__, _FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"time": time_text, "unit": written_unit, "size": size_text, "frame_count": count_text}
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "allow_nan": False}
    return environment


def page_file(name: str) -> str:
    """Text of a style sheet or script in the folder."""
    return resources.files(__package__).joinpath(_FOLDER, name).read_text(encoding="utf-8")


def content_policy(script: str) -> str:
    """The content security policy: nothing external, and no script but this one."""
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    return (
        "default-src 'none'; img-src data:; media-src blob: data:; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
