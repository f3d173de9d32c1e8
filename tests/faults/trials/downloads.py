"""A server that fails: what is fetched is right or is not kept, and one bad moment is no failure."""

import hashlib
import http.server
import io
import threading
import zipfile
from collections.abc import Callable, Iterator
from signal import SIGKILL, SIGTERM

from faults.attack import Signal, run_and
from faults.project import Done, Project
from faults.trial import Act, Trial

GOOD = b"0123456789" * 20000
OTHER = b"9876543210" * 20000
FAILS = frozenset({1})
FETCH = ("data", "fetch", "planted")
Answer = Callable[[http.server.BaseHTTPRequestHandler, bytes], None]

YAML = """
planted:
  title: Digits
  licence: none
  citation: nobody
  files:
    - name: {name}
      url: {url}
      sha256: {sha256}
      bytes: {n_bytes}
{more}"""
TOML = """
[planted]
title = "Digits"
licence = "none"
citation = "nobody"

[[planted.files]]
name = "{name}"
url = "{url}"
sha256 = "{sha256}"
bytes = {n_bytes}
{more}"""


# What a server may answer.


def good(handler: http.server.BaseHTTPRequestHandler, content: bytes) -> None:
    """All of it."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content)


def cut(handler: http.server.BaseHTTPRequestHandler, content: bytes) -> None:
    """Half of it, and the connection ends."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content[: len(content) // 2])
    handler.wfile.flush()
    handler.close_connection = True


def silent_cut(handler: http.server.BaseHTTPRequestHandler, content: bytes) -> None:
    """Half of it, as if that were all."""
    good(handler, content[: len(content) // 2])


def other(handler: http.server.BaseHTTPRequestHandler, _content: bytes) -> None:
    """Other bytes of the same length."""
    good(handler, OTHER)


def page(handler: http.server.BaseHTTPRequestHandler, _content: bytes) -> None:
    """A page that asks to sign in, as hotels have it."""
    good(handler, b"<html>Please sign in</html>")


def slow(handler: http.server.BaseHTTPRequestHandler, content: bytes) -> None:
    """All of it, in ten seconds."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    pause = threading.Event()
    for start in range(0, len(content), len(content) // 20):
        handler.wfile.write(content[start : start + len(content) // 20])
        handler.wfile.flush()
        pause.wait(0.5)


def status(number: int) -> Answer:
    """An error."""

    def answer(handler: http.server.BaseHTTPRequestHandler, _content: bytes) -> None:
        handler.send_error(number)

    return answer


def trials() -> list[Trial]:
    """Once or always bad, and what lies in the folder from before."""
    return list(_trials())


def _trials() -> Iterator[Trial]:
    for name, first in (("500", status(500)), ("503", status(503)), ("cut", cut), ("page", page)):
        yield Trial(
            f"once-{name}",
            f"the first answer is {name}, the next one good",
            FETCH,
            heals=False,
            act=_served(first),
            codes=frozenset({0, 1}) if name == "page" else frozenset({0}),
            names=("planted",),
        )
    for name, answer in (
        ("500", status(500)),
        ("404", status(404)),
        ("cut", cut),
        ("half", silent_cut),
        ("other", other),
    ):
        yield Trial(
            f"always-{name}",
            f"every answer is {name}",
            FETCH,
            heals=False,
            act=_served(*[answer] * 20),
            codes=FAILS,
            names=("planted", "digits.bin"),
        )
    yield Trial("nobody", "no server is there", FETCH, act=_served(None), codes=FAILS, names=("planted",), heals=False)
    yield Trial(
        "zip-cut",
        "an archive without a checksum of its own comes as half of itself, once",
        FETCH,
        act=_served(silent_cut, packed=True),
        codes=frozenset({0, 1}),
        names=("planted", "digits.zip"),
    )
    for number in (SIGKILL, SIGTERM):
        yield Trial(
            f"killed-{number.name}",
            f"{number.name} in the middle of a download",
            FETCH,
            heals=False,
            act=_served(slow, attack=Signal("parent", number, 6)),
            codes=frozenset({-number, 1, 130, 143}),
        )
    for name, content in (("half", GOOD[: len(GOOD) // 2]), ("other", OTHER)):
        yield Trial(
            f"there-{name}",
            f"the file is there already, {name}: a reader's own, which nobody overwrites",
            FETCH,
            heals=False,
            act=_served(there=content),
            codes=FAILS,
            names=("digits.bin",),
        )


def _served(
    *answers: Answer | None, packed: bool = False, attack: Signal | None = None, there: bytes | None = None
) -> Act:
    """Fetch from a server that gives these answers and good ones from then on; then fetch again, which must do."""

    def act(project: Project, trial: Trial) -> tuple[Done, bool]:
        content, waiting = _zipped() if packed else GOOD, list(answers)

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                answer = waiting.pop(0) if waiting else good
                answer(self, content)

            def log_message(self, *_: object) -> None:
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        _register(project, f"http://127.0.0.1:{server.server_port}/digits", packed=packed)
        target = project / "data/cache/planted/digits.bin"
        if there is not None:
            target.parent.mkdir(parents=True)
            target.write_bytes(there)
        if answers == (None,):
            server.server_close()
        try:
            done, struck = run_and(project, project.command(*trial.command), attack)
            if there is not None:
                if target.read_bytes() != there:
                    project.complaints.append(("by hand", "the reader's own file was overwritten"))
                target.unlink()
            elif done.code == 0 and target.read_bytes() != GOOD:
                project.complaints.append(("wrong number", f"{target.name} holds other bytes"))
            if answers != (None,):
                waiting.clear()
                again = project.run(*trial.command)
                if again.code or target.read_bytes() != GOOD:
                    project.complaints.append(("by hand", f"the next fetch fails: {again.said.strip()[-300:]}"))
        finally:
            server.shutdown()
            server.server_close()
        return done, struck

    return act


def _register(project: Project, url: str, *, packed: bool) -> None:
    """Put the data set into the registry, whichever it is."""
    fields = {"name": "digits.bin", "url": url, "sha256": hashlib.sha256(GOOD).hexdigest(), "n_bytes": len(GOOD)}
    old, new = project / "data/registry.yml", project / "src/linearlens/datasets/registry.toml"
    if old.is_file():
        more = "      archive: digits.zip\n" if packed else ""
        old.write_text(old.read_text() + YAML.format(**fields, more=more))
    else:
        more = 'archive = "digits.zip"\n' if packed else ""
        new.write_text(new.read_text() + TOML.format(**fields, more=more))


def _zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("digits.bin", GOOD)
    return buffer.getvalue()
