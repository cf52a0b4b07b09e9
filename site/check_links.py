"""Checks every link of a built site: the page or file that it leads to is there, and so is the anchor.

Links to other hosts are not followed: a check must not fail because somebody else's server is away.
"""
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """The anchors that a page sets, and the links that it has."""

    def __init__(self, text: str):
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name == "id" and value:
                self.anchors.add(value)
            # `base` and `link` belong to the theme's own files, which are checked like all others.
            elif name in ("href", "src") and value:
                self.links.append(value)


def main(site: Path) -> int:
    pages = {path: Page(path.read_text()) for path in sorted(site.rglob("*.html"))}
    broken, checked = [], 0
    for path, page in pages.items():
        # The page for addresses that are not there is served at any address; its links are those of the front page.
        if path.name in ("404.html", "toc.html"):
            continue
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            checked += 1
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if target.is_dir():
                target /= "index.html"
            if not target.is_file():
                broken.append(f"{path.relative_to(site)}: {link} leads nowhere")
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
                broken.append(f"{path.relative_to(site)}: {link} names an anchor that is not there")
    for line in broken:
        print(line, file=sys.stderr)
    if checked < 500:
        print(f"only {checked} links were found in {len(pages)} pages", file=sys.stderr)
        return 1
    print(f"{len(pages)} pages, {checked} links, {len(broken)} broken")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve()))
