"""What a reader brings: series and texts of their own, and ECG5000 in its own format."""

import hashlib

import numpy as np
import pytest
from conftest import write_registry

from linearlens.datasets import (
    Vocabulary,
    class_words,
    effects,
    generate_reviews,
    load_ecg5000,
    mark_negated,
    read_corpus,
    read_series,
    registry,
    split_words,
    word_weights,
)


@pytest.fixture
def rows() -> np.ndarray:
    """A hundred normal series of five values and six anomalous ones, no two alike, labels first."""
    values = np.arange(106 * 5).reshape(106, 5) / 8
    return np.column_stack([np.repeat([0, 1], [100, 6]), values])[np.random.default_rng(0).permutation(106)]


def as_csv(rows) -> str:
    return "".join(",".join(f"{value:g}" for value in row) + "\n" for row in rows)


def assert_split(series, n_normal, anomalous):
    """Every normal series is in one of three parts; no anomalous one is."""
    parts = [series.train, series.validation, series.normal]
    assert [len(part) for part in parts][:2] == [int(0.85 * n_normal), int(0.1005 * n_normal)]
    together = {row.tobytes() for part in parts for row in part}
    assert len(together) == sum(map(len, parts)) == n_normal
    assert not together & {row.tobytes() for row in series.anomalous}
    np.testing.assert_array_equal(series.anomalous, anomalous)


def test_series_are_read_and_split(tmp_path, rows):
    path = tmp_path / "mine.csv"
    path.write_text("\ufeff" + as_csv(rows).replace("\n", "\r\n") + "\r\n", encoding="utf-8")
    series = read_series(path, seed=1)
    assert series.name == "mine"
    assert series.train.dtype == np.float32
    assert len(series.validation) == 10
    assert_split(series, 100, rows[rows[:, 0] == 1, 1:])
    np.testing.assert_array_equal(read_series(path, seed=1).train, series.train)
    assert not np.array_equal(read_series(path, seed=2).train, series.train)


@pytest.mark.parametrize(
    ("new", "message"),
    [
        ("", r"line 3, column 4: need a number, nothing came; fill the hole or leave the series out"),
        (" ", r"line 3, column 4: need a number, nothing came"),
        ("n/a", r"line 3, column 4: need a number, 'n/a' came"),
        ("NaN", r"line 3, column 4: need a number, 'NaN' came"),
        ("inf", r"line 3, column 4: need a number, 'inf' came"),
        ("1_000", r"line 3, column 4: need a number, '1_000' came"),
        ("1e39", r"line 3, column 4: need a number, '1e39' came"),
    ],
)
def test_a_hole_in_a_series_is_named(tmp_path, rows, new, message):
    lines = [line.split(",") for line in as_csv(rows).splitlines()]
    lines[1][3] = new
    lines.insert(0, [])  # an empty line is skipped, but counted
    path = tmp_path / "mine.csv"
    path.write_text("\n".join(",".join(line) for line in lines))
    with pytest.raises(ValueError, match=message) as error:
        read_series(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda lines: [*lines[:4], lines[4].rsplit(",", 1)[0], *lines[5:]],
            "line 5: 5 columns came, but line 1 has 6; cut or",
        ),
        (
            lambda lines: [*lines[:4], lines[4] + ",7", *lines[5:]],
            "line 5: 7 columns came, but line 1 has 6",
        ),
        (
            lambda lines: [line.split(",")[0] for line in lines],
            "two values a series, got 100 normal, 6 anomalous and 0",
        ),
        (
            lambda lines: [*lines[:7], "2" + lines[7][1:], *lines[8:]],
            r"which label is normal.*'0', '1', '2' \('2' first in line 8\)",
        ),
        (lambda lines: [line for line in lines if line[0] == "0"], "one anomalous.*got 100 normal, 0 anomalous"),
        (lambda lines: [line for line in lines if line[0] == "1"], "at least 100 normal series.*got 0 normal, 6"),
        (
            lambda lines: sorted(lines)[1:],
            r"at least 100 normal series \(so that 10 are for validation\).*got 99 normal",
        ),
        (lambda lines: [], "mine.csv holds no series; write one a line"),
        (lambda lines: ["", " ", ",,"], "mine.csv holds no series"),
        (lambda lines: [line + "," for line in lines], "line 1, column 7: need a number, nothing came"),
    ],
)
def test_tables_that_are_none(tmp_path, rows, change, message):
    path = tmp_path / "mine.csv"
    path.write_text("\n".join(change(as_csv(rows).splitlines())))
    with pytest.raises(ValueError, match=message):
        read_series(path)


def test_ecg5000_is_read_from_a_readers_folder_without_an_anomaly_in_training(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    labels = np.concatenate([np.ones(60), rng.integers(2, 6, 20)])
    table = rng.permutation(np.column_stack([labels, rng.normal(size=(80, 140))]))
    folder = tmp_path / "own" / "ecg5000"
    folder.mkdir(parents=True)
    files = []
    for name, part in (("ECG5000_TRAIN.txt", table[:10]), ("ECG5000_TEST.txt", table[10:])):
        np.savetxt(folder / name, part, fmt="  %.7e")
        sha256 = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        files.append(
            {"name": name, "url": "http://127.0.0.1:9/no.zip", "archive": "no.zip", "sha256": sha256, "bytes": 1}
        )
    entry = {"title": "made", "licence": "none", "citation": "nobody", "files": files}
    write_registry(tmp_path / "registry.toml", {"ecg5000": entry})
    monkeypatch.setattr(registry, "REGISTRY", tmp_path / "registry.toml")
    monkeypatch.setenv("LINEARLENS_DATA", str(tmp_path / "own"))
    series = load_ecg5000(seed=0)
    assert series.train.shape == (51, 140)
    assert series.train.dtype == np.float32
    written = np.concatenate([np.loadtxt(folder / file["name"], dtype=np.float32) for file in files])
    assert_split(series, 60, written[written[:, 0] != 1, 1:])
    assert not np.array_equal(load_ecg5000(seed=1).train, series.train)


def test_words_and_marks():
    assert split_words("Was it GOOD? (No; 7/10: café isn't open!)<br /><br />…") == [
        "was", "it", "good", "?", "(", "no", ";", ":", "café", "isn't", "open", "!", ")"]  # fmt: skip
    assert split_words(" \n 12 <br />") == []
    assert split_words("isn’t ‘good’") == ["isn't", "good"]


def test_vocabulary_goes_there_and_back():
    texts = [split_words(text) for text in ("a good film .", "a bad film .", "a film")]
    vocabulary = Vocabulary.of(texts)
    assert vocabulary.words == ("<unk>", "a", "film", ".", "bad", "good")
    assert len(vocabulary) == 6
    for text in texts:
        numbers = vocabulary.encode(text)
        assert numbers.dtype == np.int64
        assert [vocabulary.words[number] for number in numbers] == text
    assert vocabulary.encode(["film", "never", "seen"]).tolist() == [2, 0, 0]
    assert vocabulary.encode([]).shape == (0,)
    assert Vocabulary.of(texts, size=3).words == ("<unk>", "a", "film")
    assert Vocabulary.of(texts, size=3).encode(texts[0]).tolist() == [1, 0, 2, 0]
    assert Vocabulary.of(texts, size=1).words == ("<unk>",)
    with pytest.raises(ValueError, match="size must be 1 or more, got 0"):
        Vocabulary.of(texts, size=0)
    for words in ((), ("a", "<unk>"), ("<unk>", "a", "a")):
        with pytest.raises(ValueError, match="begins with '<unk>' and holds no word twice"):
            Vocabulary(words)


def test_words_of_a_class_need_classes_0_and_1():
    texts = [["good", "film"], ["bad", "film"]]
    for labels in (np.array([1, 0]), [1.0, 0.0], np.array([True, False])):
        assert class_words(texts, labels, n_words=1, min_texts=1) == {"bad": -1, "good": 1}
    for labels, says in (
        ([1, -1], r"labels must be 0 or 1, got also \[-1\]"),
        ([1, 2], r"labels must be 0 or 1, got also \[2\]"),
        (["1", "0"], "labels must be 0 or 1, got also"),
        ([1, np.nan], r"got also \[nan\]"),
        ([1], r"one label a text, shape \(2,\), got shape \(1,\)"),
        ([[1], [0]], "one label a text"),
    ):
        with pytest.raises(ValueError, match=says):
            class_words(texts, np.array(labels), n_words=1, min_texts=1)
    with pytest.raises(ValueError, match="n_words must be 1 or more, got 0"):
        class_words(texts, np.array([1, 0]), n_words=0, min_texts=1)


NEGATIVE = [f"bad {chr(97 + i)}" for i in range(10)]
POSITIVE = [f"good {chr(97 + i)}" for i in range(20)]


def write_corpus(folder, kind):
    if kind == "two files":
        (folder / "neg.txt").write_text("\n".join([*NEGATIVE, "", "123"]))
        (folder / "pos.txt").write_text("\ufeff" + "\r\n".join(POSITIVE).replace("good c", "good\u2028c"), "utf-8")
        return [folder / "neg.txt", folder / "pos.txt"]
    for name, texts in (("neg", NEGATIVE), ("pos", POSITIVE)):
        (folder / name).mkdir()
        for number, text in enumerate(texts):
            (folder / name / f"{number}.txt").write_text(text)
        (folder / name / ".DS_Store").write_bytes(b"\xff")
    return [folder]


@pytest.mark.parametrize("kind", ["two files", "a folder a class"])
def test_a_corpus_is_read_and_split_by_class(tmp_path, kind):
    paths = write_corpus(tmp_path, kind)
    corpus = read_corpus(*paths, test_share=0.3, seed=0)
    assert np.bincount(corpus.test_labels).tolist() == [3, 6]
    assert np.bincount(corpus.train_labels).tolist() == [7, 14]
    for texts, labels in ((corpus.train_texts, corpus.train_labels), (corpus.test_texts, corpus.test_labels)):
        assert [text[0] for text in texts] == [("bad", "good")[label] for label in labels]
    together = sorted(" ".join(text) for text in corpus.train_texts + corpus.test_texts)
    assert together == sorted(NEGATIVE + POSITIVE)
    assert read_corpus(*paths, test_share=0.3, seed=0).train_texts == corpus.train_texts
    assert read_corpus(*paths, test_share=0.3, seed=1).train_texts != corpus.train_texts
    with pytest.raises(ValueError, match="test_share must be between 0 and 1, got 5"):
        read_corpus(*paths, test_share=5)


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
def test_a_text_in_another_encoding_is_named_with_its_byte(tmp_path, start):
    paths = write_corpus(tmp_path, "two files")
    paths[1].write_bytes(start + "good\ntrès good".encode("latin1"))
    position = len(start) + 7
    with pytest.raises(ValueError, match=rf"pos\.txt is not UTF-8: byte 0xe8 at position {position}; say .* encoding"):
        read_corpus(*paths)


def test_corpora_that_are_none(tmp_path):
    neg, pos = write_corpus(tmp_path, "two files")
    for content in ("", "\n\n", "only one"):
        pos.write_text(content)
        with pytest.raises(ValueError, match=r"at least two 'pos' texts.*got [01] from .*neg\.txt.*pos\.txt"):
            read_corpus(neg, pos)
    (tmp_path / "neg").mkdir()
    for paths in ([tmp_path], [neg], [neg, tmp_path / "none.txt"], [neg, pos, pos], [neg, neg]):
        with pytest.raises(ValueError, match=r"one folder holding .*or two text files") as error:
            read_corpus(*paths)
        assert str(paths[-1]) in str(error.value)
    with pytest.raises(ValueError, match="got nothing"):
        read_corpus()


def test_a_negator_marks_what_follows_it_up_to_the_next_mark():
    text = ["it", "isn't", "good", ",", "it", "is", "bad", ",", "never", "not", "good"]
    assert mark_negated(text) == [
        "it",
        "isn't",
        "not_good",
        ",",
        "it",
        "is",
        "bad",
        ",",
        "never",
        "not_not",
        "not_good",
    ]
    assert mark_negated([]) == []


def test_weights_of_marked_words_find_what_words_do_in_their_place():
    reviews = generate_reviews(n_train=3000, n_test=300, seed=0)
    true = np.concatenate([effects(text) for text in reviews.test_texts])

    def explained(marked):
        weights = word_weights([marked(text) for text in reviews.train_texts], reviews.train_labels, strength=1.0)
        found = np.concatenate([[weights.get(w, 0.0) for w in marked(text)] for text in reviews.test_texts])
        return np.corrcoef(found, true)[0, 1] ** 2

    assert explained(mark_negated) >= 0.7
    assert explained(list) <= 0.5, "a word alone does not know what stands before it"


@pytest.mark.parametrize("labels", [np.array([0, 1, 1]), np.array([1, 1])])
def test_weights_need_a_label_for_each_text_and_two_classes(labels):
    with pytest.raises(ValueError, match="need one label a text, of two classes, for 2 texts"):
        word_weights([["a"], ["b"]], labels)
