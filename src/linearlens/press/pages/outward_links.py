"""Links that lead out of the book, and whether somebody answers: tried from time to time, not in the tests."""

import re
import sys
from html import unescape
from pathlib import Path

import requests

from linearlens.press.pages.book import HTML

LINK = re.compile(r'href="(https?://[^"#]+)')
PATIENCE = 20  # seconds
AGENT = {"User-Agent": "linear-lenses link check"}
REFUSES_ROBOTS = (403, 405, 418, 429, 999)  # there, but not for programs


def outward(folder: Path) -> dict[str, list[str]]:
    """Addresses outside the book, with the pages that name them."""
    found: dict[str, list[str]] = {}
    for page in sorted(folder.rglob("*.html")):
        for address in sorted(set(LINK.findall(page.read_text(encoding="utf-8")))):
            found.setdefault(unescape(address), []).append(page.relative_to(folder).as_posix())
    return found


def trouble(address: str) -> str | None:
    """Why nobody can follow the link; None if one can."""
    try:
        answer = requests.get(address, timeout=PATIENCE, stream=True, headers=AGENT)
    except requests.RequestException as error:
        return type(error).__name__
    return None if answer.ok or answer.status_code in REFUSES_ROBOTS else f"status {answer.status_code}"


def main(addresses: dict[str, list[str]]) -> int:
    """Try each; print those that lead nowhere."""
    dead = {address: said for address in addresses if (said := trouble(address))}
    _say(f"{len(addresses)} links lead out of the book, {len(dead)} of them nowhere")
    _say(*(f"{address}: {said}; on {', '.join(addresses[address])}" for address, said in dead.items()))
    return 1 if dead else 0


def _say(*lines: str) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines)


if __name__ == "__main__":
    sys.exit(main(outward(HTML)))
