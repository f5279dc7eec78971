"""What a page consists of."""

from __future__ import annotations

from html.parser import HTMLParser


class Tags(HTMLParser):
    """Counts elements, and collects attributes, ids and addresses."""

    def __init__(self) -> None:
        super().__init__()
        self.count: dict[str, int] = {}
        self.attributes: set[str] = set()
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.without_alt = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.count[tag] = self.count.get(tag, 0) + 1
        given = dict(attrs)
        self.attributes |= set(given)
        self.ids += [value for name, value in attrs if name == "id" and value]
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]
        self.without_alt += tag == "img" and not given.get("alt")
