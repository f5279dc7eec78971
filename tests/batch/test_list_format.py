"""The schema of a list of jobs, and the page that describes it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from lipblend.batch.listing import list_format
from lipblend.batch.listing.job_list import read_jobs
from lipblend.batch.listing.list_format import KEYS, JobEntry, schema_text
from lipblend.settings.catalogue import setting_specs

PAGE = Path(__file__).resolve().parents[2] / "docs" / "batch.md"


def references(part: Any) -> set[str]:
    if isinstance(part, list):
        return set().union(*map(references, part)) if part else set()
    if not isinstance(part, dict):
        return set()
    own = {part["$ref"]} if "$ref" in part else set()
    return own.union(*map(references, part.values()))


def test_the_schema_that_ships_is_that_of_the_code() -> None:
    shipped = Path(list_format.__file__).with_name("batch-list.schema.json").read_text(encoding="utf-8")
    assert shipped == schema_text(), "run scripts/settings-table"


def test_the_schema_knows_every_key_and_setting() -> None:
    schema = json.loads(schema_text())
    parts = schema["$defs"]
    assert parts["JobEntry"]["properties"].keys() == JobEntry.model_fields.keys()
    assert parts["ListDefaults"]["properties"].keys() == JobEntry.model_fields.keys() - {"name"}
    assert setting_specs().keys() <= parts["Settings"]["properties"].keys()
    assert parts["Settings"]["properties"]["blend.method"]["enum"] == ["alpha", "multiband", "poisson"]
    assert not any(parts[name]["additionalProperties"] for name in ("JobEntry", "ListDefaults", "JobList", "Settings"))
    assert references(schema) <= {f"#/$defs/{name}" for name in parts}


def test_the_page_describes_every_key_as_the_code_does() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.+) \|$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert rows == list(KEYS.items())


def test_the_lists_of_the_page_can_be_read(tmp_path: Path) -> None:
    blocks = re.findall(r"^```(yaml|csv)\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    blocks = [(kind, text) for kind, text in blocks if not text.startswith("s3:")]  # options of a store
    assert {kind for kind, _ in blocks} == {"yaml", "csv"}
    for name in ("originals/lucy.mp4", "synced/lucy_de.mp4", "synced/lucy_en.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "mine.yaml").write_text("encode.crf: 15\n")
    for kind, text in blocks:
        (tmp_path / f"jobs.{kind}").write_text(text, encoding="utf-8")
        assert read_jobs(tmp_path / f"jobs.{kind}"), text
