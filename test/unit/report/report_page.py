"""Take a report's HTML apart."""

from __future__ import annotations

from html.parser import HTMLParser


class Page(HTMLParser):
    """tables: rows by caption, each its heading and its cells. text: by the id of its section."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.tables: dict[str, list[list[str]]] = {}
        self.text: dict[str, str] = {}
        self._section = ""
        self._open: str | None = None
        self._caption = ""
        self.feed(html)

    def ids(self) -> list[str]:
        return [attributes["id"] for _, attributes in self.tags if "id" in attributes]

    def values(self, name: str) -> list[str | None]:
        return [attributes[name] for _, attributes in self.tags if name in attributes]

    def handle_starttag(self, tag, attrs) -> None:
        attributes = dict(attrs)
        self.tags.append((tag, attributes))
        if tag == "section":
            self._section = attributes.get("id", "")
        if tag == "caption":
            self._open, self._caption = tag, ""
        elif tag == "tr":
            self.tables[self._caption].append([])
        elif tag in ("th", "td"):
            self._open = tag
            self.tables[self._caption][-1].append("")
        elif tag == "small" and self._open:
            self.tables[self._caption][-1][-1] += " "
        elif tag in ("strong",) and self._open == "td":
            self.tables[self._caption][-1][-1] += "*"

    def handle_endtag(self, tag) -> None:
        if tag == "caption":
            self.tables[self._caption] = []
        if tag == self._open:
            self._open = None

    def handle_data(self, data) -> None:
        self.text[self._section] = self.text.get(self._section, "") + data
        if self._open == "caption":
            self._caption += data.strip("\n")
        elif self._open:
            self.tables[self._caption][-1][-1] += data.strip("\n")
