"""The documentation's links, anchors and file names exist, and its entry pages stay short."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from test_layout import LAYERS

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
MAX_LINES = {"README.md": 150, "docs/architecture.md": 150}


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def without_code(text: str) -> str:
    """The text without fenced and indented code blocks and without code spans."""
    text = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"(?<=\n\n)(?: {4}[^\n]*\n)+", "", text)
    return re.sub(r"`[^`\n]*`", "", text)


def links(text: str) -> list[str]:
    """Targets of the links and pictures that stay inside the repository."""
    found = re.findall(r"\]\(([^()\s]+)\)", without_code(text))
    return [target for target in found if not re.match(r"[a-z]+:", target)]


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub and MkDocs make them."""
    text = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def broken(page: Path) -> list[str]:
    """The links of a page that lead nowhere."""
    found = []
    for target in links(page.read_text(encoding="utf-8")):
        file, _, anchor = target.partition("#")
        aim = page.parent / file if file else page
        if not aim.exists():
            found.append(f"{target}: no such file")
        elif anchor and anchor not in anchors(aim.read_text(encoding="utf-8")):
            found.append(f"{target}: no such heading")
    return found


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_somewhere(page: Path) -> None:
    assert broken(page) == []


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# One & two\n\n[a](#one--two) [b](#three) [c](none.md) [d](page.md#one--two) [e](https://x.org)\n")
    assert broken(page) == ["#three: no such heading", "none.md: no such file"]


@pytest.mark.parametrize("page", [page for page in PAGES if DOCS in page.parents], ids=name)
def test_the_pages_of_the_site_link_to_each_other_only(page: Path) -> None:
    for target in links(page.read_text(encoding="utf-8")):
        assert (page.parent / target.partition("#")[0]).resolve().is_relative_to(DOCS), target


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "CHANGELOG.md"], ids=name)
def test_files_that_a_page_names_exist(page: Path) -> None:
    """Paths such as `tests/conftest.py`; those of the package may leave out `lipblend/`."""
    named = re.findall(r"`([\w.]+(?:/[\w.\-]+)+\.(?:py|yaml|md))`", page.read_text(encoding="utf-8"))
    missing = [path for path in named if not (ROOT / path).exists() and not (ROOT / "lipblend" / path).exists()]
    assert missing == []


@pytest.mark.parametrize(("page", "limit"), MAX_LINES.items())
def test_entry_pages_stay_short(page: str, limit: int) -> None:
    assert len((ROOT / page).read_text(encoding="utf-8").splitlines()) <= limit


def test_every_page_of_the_site_is_in_its_menu() -> None:
    menu = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    for page in DOCS.rglob("*.md"):
        assert f" {page.relative_to(DOCS).as_posix()}\n" in menu, page


def test_the_architecture_names_every_room_and_in_the_order_of_their_layers() -> None:
    page = (DOCS / "architecture.md").read_text(encoding="utf-8")
    package = ROOT / "lipblend"
    rooms = {path.parent.name for path in package.glob("*/__init__.py")}
    modules = {path.name for path in package.glob("[!_]*.py")}
    named = {
        word for row in re.findall(r"^\| (`.+?) \|", page, flags=re.MULTILINE) for word in re.findall(r"`(.+?)`", row)
    }
    assert {f"{room}/" for room in rooms} | modules <= named
    order = re.search(r"^From the top: (.+?)\.$", page, flags=re.MULTILINE | re.DOTALL)
    assert order is not None
    layers = tuple(tuple(re.findall(r"`(\w+)`", line)) for line in order[1].split("·"))
    assert (("__main__",), *layers) == LAYERS


def test_the_package_is_marked_as_typed() -> None:
    assert (ROOT / "lipblend" / "py.typed").is_file()
