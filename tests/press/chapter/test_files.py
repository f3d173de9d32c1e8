"""Writing aside, seals, and one at a time."""

import json
import os
import subprocess
import sys
import threading

import pytest

from linearlens.press.chapter import files
from linearlens.press.chapter.errors import DamagedError
from linearlens.press.chapter.files import SEAL, aside, read_sealed, remove_drafts, seal, to_json, write_text

CONTENT = {"value": 16.0, "words": "ä, \u2028 and \"quotes\"", "rows": [1, None]}  # fmt: skip


def test_what_was_sealed_is_read_back(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(to_json(CONTENT), encoding="utf-8")
    content = read_sealed(path)
    assert len(content.pop(SEAL)) == 16
    assert content == CONTENT


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda text: text[: len(text) // 2], "it is no JSON"),
        (lambda text: "", "it is no JSON"),
        (lambda text: "\0" * len(text), "it is no JSON"),
        (lambda text: "\ufeff" + text, "it is no JSON"),
        (lambda text: text.replace("ä", "\xe4").encode("latin-1", "replace"), "it is no text"),
        (lambda text: "[" * 100_000, "it is no JSON"),
        (lambda text: "{}", "it has no seal"),
        (lambda text: "null", "it has no seal"),
        (lambda text: f'["{SEAL}"]', "it has no seal"),
        (lambda text: text.replace("16.0", "17.0"), "it was changed after it was written"),
        (lambda text: text.replace("16.0", "16.00"), "it was changed after it was written"),
        (lambda text: text + " ", "it was changed after it was written"),
        (lambda text: json.dumps(json.loads(text)), "it was changed after it was written"),
        (lambda text: text.replace("{", f'{{"{SEAL}": "0123456789abcdef", ', 1), "it was changed after it was written"),
        (lambda text: text.replace(files.SEALED.search(text)[1], "0" * 16), "it was changed after it was written"),
    ],
)
def test_what_is_not_as_it_was_written_is_damaged(tmp_path, damage, says):
    path, text = tmp_path / "a.json", damage(to_json(CONTENT))
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DamagedError, match=says) as caught:
        read_sealed(path)
    assert str(path) in str(caught.value)


def test_a_folder_in_place_of_a_sealed_file_is_damage_and_nothing_is_not(tmp_path):
    with pytest.raises(DamagedError, match="is a directory"):
        read_sealed(tmp_path)
    with pytest.raises(FileNotFoundError):
        read_sealed(tmp_path / "none.json")


def test_a_seal_inside_what_is_sealed_is_none(tmp_path):
    """Such as an output of a cell that shows another sealed file."""
    path, inner = tmp_path / "a.json", json.loads(to_json(CONTENT))
    for content in ({"output": inner, **CONTENT}, {"output": to_json(CONTENT)}, {"output": [inner, inner]}):
        path.write_text(to_json(content), encoding="utf-8")
        assert read_sealed(path)["output"] == content["output"]
        path.write_text(path.read_text(encoding="utf-8").replace("16.0", "17.0"), encoding="utf-8")
        with pytest.raises(DamagedError):
            read_sealed(path)


def test_line_ends_are_layout(tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(to_json(CONTENT).replace("\n", "\r\n").encode())
    assert read_sealed(path)["value"] == 16.0


def test_only_one_place_can_be_sealed():
    with pytest.raises(AssertionError):
        seal("{}")


# Writing.


def test_aside_is_all_or_nothing(tmp_path):
    target = tmp_path / "deep" / "a.txt"
    write_text(target, "old")

    def fail_half_way():
        with aside(target) as draft:
            draft.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert target.read_text() == "old"
    assert [path.name for path in target.parent.iterdir()] == ["a.txt"]


def test_a_folder_is_replaced_whole(tmp_path):
    for name in ("new", "newer"):
        with aside(tmp_path / "folder") as draft:
            draft.mkdir()
            (draft / name).touch()
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["newer"]
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_a_file_that_says_so_already_keeps_its_time(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "same")
    os.utime(path, (1, 1))
    write_text(path, "same")
    assert path.stat().st_mtime == 1
    path.write_bytes(b"\xff")
    write_text(path, "same")
    assert path.read_text() == "same"


def test_readers_of_a_file_that_others_write_see_it_whole(tmp_path):
    path = tmp_path / "a.json"
    texts = [to_json({"n": n, "rows": [n] * 5000}) for n in range(4)]
    path.write_text(texts[0])
    threads = [threading.Thread(target=lambda text=text: [write_text(path, text) for _ in range(10)]) for text in texts]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        content = read_sealed(path)
        assert set(content["rows"]) == {content["n"]}
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_whoever_writes_a_file_removes_drafts_of_it_that_a_killed_process_left(tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    (tmp_path / f".a.svg.{ended.pid}-01234567.part").touch()
    (tmp_path / f".b.svg.{ended.pid}-01234567.part").touch()
    write_text(tmp_path / "a.svg", "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == [f".b.svg.{ended.pid}-01234567.part", "a.svg"]


def test_drafts_of_processes_that_ended_are_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "BUILD", tmp_path / "_build")
    monkeypatch.setattr(files, "DATA", tmp_path / "none")
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    folder = tmp_path / "_build" / "deep"
    for name in (
        f".a.json.{ended.pid}-01234567.part",
        f".a.{ended.pid}-01234567.old",
        f".b.{os.getpid()}-01234567.part",
    ):
        (folder / name).mkdir(parents=True)
    (folder / f".c.ipynb.{ended.pid}-01234567.part.ipynb").touch()
    (folder / ".keep").touch()
    remove_drafts()
    assert sorted(path.name for path in folder.iterdir()) == [f".b.{os.getpid()}-01234567.part", ".keep"]
