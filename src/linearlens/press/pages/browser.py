"""The built book as a reader's browser sees it: served from this machine, one page after the other."""

import functools
import http.server
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from linearlens.paths import BOOK
from linearlens.press.chapter.errors import PressError

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
TYPESET = "() => !document.querySelector('.math') || window.MathJax?.startup?.promise?.then(() => true)"


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a folder, served while the context lasts."""
    quiet = type("Quiet", (http.server.SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(quiet, directory=folder))
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a browser that ended reads no more
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def chromium() -> Iterator[Any]:
    """Chromium, driven by playwright.

    Raises
    ------
    PressError
        If there is no Chromium on this machine or no playwright, or Chromium ends early.
    """
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError as error:
        raise PressError("playwright is missing; run: pip install playwright") from error
    if CHROMIUM is None:
        raise PressError("no Chromium found; on Debian or Ubuntu: apt install chromium")
    with sync_playwright() as playwright:
        browser = None
        try:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            yield browser
            browser.close()
        except Error as error:  # it was killed, or cannot run here; it ends with playwright
            if browser and browser.is_connected():
                raise
            raise PressError(f"Chromium gave up: {error.message.partition(chr(10))[0]}") from error


def open_page(browser: Any, address: str, **options: Any) -> Any:
    """A page of the browser at that address, with its mathematics typeset; to be closed by the caller."""
    page = browser.new_page(**options)
    page.goto(address, wait_until="load", timeout=300_000)  # a busy machine takes its time
    page.wait_for_function(TYPESET, polling=100, timeout=300_000)  # not by frames: what nobody sees may draw none
    return page


def reading_order() -> list[str]:
    """Names of all pages without their ending, as the table of contents has them.

    Raises
    ------
    PressError
        If that cannot be read.
    """
    try:
        toc = yaml.safe_load((BOOK / "_toc.yml").read_text(encoding="utf-8"))
        parts = toc.get("parts") or [{"chapters": toc.get("chapters", [])}]
        return [toc["root"], *(chapter["file"] for part in parts for chapter in part["chapters"])]
    except (OSError, ValueError, LookupError, TypeError, AttributeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise PressError(f"book/_toc.yml is no table of contents with a root and chapters: {reason}") from error
