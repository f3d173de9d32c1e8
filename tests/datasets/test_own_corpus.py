"""Texts as people have them: entities, tags, any apostrophe, any encoding; tables; texts that occur twice."""

import unicodedata

import numpy as np
import pandas as pd
import pytest

from linearlens.datasets import generate_reviews, read_corpus, split_words, words_of

NEGATIVE = [f"bad film, really; {letter}" for letter in "abcdefghij"]
POSITIVE = [f"good film; so nice, {letter}" for letter in "abcdefghij"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "&#39;great&#39; &eacute;lan &amp; don&#8217;t it&#x27;s Star&nbsp;Wars <i>",
            "great élan don't it's star wars",
        ),
        ("a<br>b<br/>c<BR />d</p><p class='x'>e&lt;br /&gt;f", "a b c d e f"),
        ("seen&amp;#39;t &amp;amp; all", "seen't all"),
        ("fan<b>tas</b>tic <a href='x'>link</a>s", "fantastic links"),
        ("<style>p {color: red}</style><!-- note -->text<script>x < y</script>", "text"),
        ("I <3 this > that, 1 < 2 <- no", "i this that , no"),
        ("pros&notes; AT&T; R&D this&not that", "pros notes ; at t ; r d this not that"),
        ("don't don’t don‘t don‛t don`t don´t donʼt don＇t don′t", " ".join(["don't"] * 9)),
        ("‘good’ ´bad´ `code` end.'Next it''s", "good bad code end . next it s"),
        ("didn\x92t \x93quoted\x94 one\x85two", "didn't quoted one two"),
        ("\ufb01lm of\xadfice \ufb02at", "film office flat"),
        (unicodedata.normalize("NFD", "Naïve café, élan"), "naïve café , élan"),
        ("हिन्दी में अच्छी फिल्म", "हिन्दी में अच्छी फिल्म"),
        ("أُحِبُّ هذا", "أُحِبُّ هذا"),
        ("ไม่ ดี", "ไม่ ดี"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("7/10 🙂 b2b \u0301x", "b b x"),
        ("", ""),
    ],
)
def test_words_of_a_text_as_it_was_found(text, words):
    assert words_of(text) == words.split()


def test_words_of_a_clean_text_are_those_of_split_words():
    rng = np.random.default_rng(0)
    signs = [*"abcdefgzABZéüñßœ'’.,;:!?()-_*/\"#0123456789\n\t ", "<br />", " & "]
    for _ in range(300):
        text = "".join(rng.choice(signs, 60))
        assert words_of(text) == split_words(text)
    for words in generate_reviews(n_train=50, n_test=1).train_texts:
        assert words_of(" ".join(words)) == words


def frame(**labels):
    table = pd.DataFrame({"review": NEGATIVE + POSITIVE, "label": np.repeat([0, 1], 10)})
    return table.assign(**labels).sample(frac=1, random_state=0)


def written(table, *, index=False, **how):
    return table.to_csv(index=index, **how)


def write(tmp_path, text, *, encoding="utf-8", name="mine.csv"):
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    return path


def assert_right(corpus):
    for label, wanted in enumerate((NEGATIVE, POSITIVE)):
        parts = ((corpus.train_texts, corpus.train_labels), (corpus.test_texts, corpus.test_labels))
        came = [words for texts, labels in parts for words, one in zip(texts, labels, strict=True) if one == label]
        assert sorted(came) == sorted(map(split_words, wanted))


WORDS = np.repeat(["Negative", "Positive"], 10)
ONE_TWO = {"label": np.repeat([1, 2], 10)}
TABLES = {
    "header": (written(frame()), {}),
    "no header": (written(frame(), header=False), {}),
    "label first": (written(frame()[["label", "review"]]), {}),
    "words": (written(frame(label=WORDS)), {}),
    "0.0 and 1.0": (written(frame(label=np.repeat([0.0, 1.0], 10))), {}),
    "tabs": (written(frame(), sep="\t"), {}),
    "semicolons": (written(frame(), sep=";"), {}),
    "all quoted, CRLF": ("\ufeff" + written(frame(), quoting=1).replace("\n", "\r\n"), {}),
    "lines within": (written(frame().replace(" film", "\n\n film", regex=True)), {}),
    "lines numbered": (written(frame(), index=True), {"text": "review"}),
    "places said": (written(frame(), index=True), {"text": 1, "label": -1}),
    "1 and 2": (written(frame(**ONE_TWO)), {"classes": ("1", "2")}),
    "labels said": (written(frame(other=np.tile([0, 1], 10))), {"text": "review", "label": "label"}),
}


@pytest.mark.parametrize("kind", TABLES)
def test_a_table_of_texts_is_read_as_it_was_written(tmp_path, kind):
    text, how = TABLES[kind]
    assert_right(read_corpus(write(tmp_path, text), **how))


REFUSED = {
    "two other columns": (written(frame(), index=True), {}, "2 columns stand beside the labels; say text="),
    "two columns of labels": (written(frame(other=np.tile([0, 1], 10))), {}, "2 columns hold both .*say label="),
    "unknown labels": (written(frame(**ONE_TWO)), {}, r"0 columns hold both of two labels \(0, neg, .*classes="),
    "a third label": (written(frame()) + "meh,2\n", {"label": "label"}, "line 22: the label must be one of .*got '2'"),
    "commas within": (
        "".join(f"{text},0\n" for text in [*NEGATIVE, *POSITIVE, "a b"]),
        {},
        "2 columns came, but line 1",
    ),
    "two ways": ("0;bad a,0\n1;good b,1\n" * 3, {}, "may be separated by any of"),
    "no such name": (written(frame()), {"text": "body"}, "no single column 'body'; its first row is 'review', 'label'"),
    "no such place": (written(frame()), {"label": 2}, "no single column 2"),
    "no such place from the end": (written(frame()), {"label": -3}, "no single column -3"),
    "one for both": (written(frame()), {"text": "label"}, "texts and labels cannot be the same column"),
    "one class": (written(frame()), {"classes": ("good", " GOOD")}, "two different labels"),
    "an open quote": ('"' + written(frame()), {}, "line"),
    "one column": ("bad\ngood\n", {}, "needs a column of texts and one of labels, got 1"),
    "nothing": ("", {}, "needs a column of texts and one of labels, got 0"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_table_that_could_be_read_in_two_ways_is_refused(tmp_path, kind):
    text, how, message = REFUSED[kind]
    with pytest.raises(ValueError, match=message):
        read_corpus(write(tmp_path, text), **how)


@pytest.mark.parametrize("encoding", ["cp1252", "latin1"])
def test_a_negation_outlives_its_encoding(tmp_path, encoding):
    """cp1252 read as latin1 has a control sign for its apostrophe, which browsers read as what was meant."""
    paths = [write(tmp_path, "\n".join(texts), name=name) for name, texts in (("n.txt", NEGATIVE), ("p.txt", POSITIVE))]
    write(tmp_path, "\n".join(f"I didn’t like {one}" for one in "abc"), encoding="cp1252", name="n.txt")
    with pytest.raises(ValueError, match=r'n\.txt is not UTF-8: byte 0x92 at position 6; .*encoding="cp1252"'):
        read_corpus(*paths)
    corpus = read_corpus(*paths, encoding=encoding)
    assert [text[:2] for text in corpus.train_texts + corpus.test_texts if text[0] == "i"] == [["i", "didn't"]] * 3
    latin1 = paths[0].read_bytes().decode("latin1")  # what iconv -f latin1 -t utf-8 makes of it
    write(tmp_path, latin1, name="n.txt")
    assert read_corpus(*paths).train_texts == corpus.train_texts


@pytest.mark.parametrize(
    ("encoding", "message"), [("utf-16", None), ("utf-16-le", 'NUL signs.*encoding="utf-16-le"')], ids=["mark", "none"]
)
def test_utf_16_is_read_or_named(tmp_path, encoding, message):
    path = write(tmp_path, written(frame(), sep="\t"), encoding=encoding, name="mine.tsv")
    if message:
        with pytest.raises(ValueError, match=message):
            read_corpus(path)
    assert_right(read_corpus(path, encoding="utf-8" if message is None else encoding))


def fill(folder, names=("neg", "pos"), suffix=".txt"):
    for name, texts in zip(names, (NEGATIVE, POSITIVE), strict=True):
        (folder / name).mkdir()
        for number, text in enumerate(texts):
            (folder / name / f"{number}{suffix}").write_text(text)


@pytest.mark.parametrize(("names", "suffix"), [(("negative", "positive"), ".txt"), (("neg", "pos"), ".TXT")])
def test_folders_of_texts_by_other_names(tmp_path, names, suffix):
    fill(tmp_path, names, suffix)
    assert_right(read_corpus(tmp_path))


def test_what_would_be_left_out_in_silence_is_refused(tmp_path):
    fill(tmp_path)
    (tmp_path / "neg" / "more.md").write_text("bad")
    with pytest.raises(ValueError, match=r"neg must hold nothing but texts \*\.txt, got also more\.md"):
        read_corpus(tmp_path)
    (tmp_path / "neg" / "more.md").unlink()
    with pytest.raises(ValueError, match="text, label and classes are for one table"):
        read_corpus(tmp_path, label="label")
    for name in ("negative", "positive"):
        (tmp_path / name).mkdir()
    tables = [write(tmp_path, written(frame()), name=name) for name in ("a.csv", "b.csv")]
    for paths in ([tmp_path], tables):
        with pytest.raises(ValueError, match=r"need one folder holding .* or one table \*\.csv"):
            read_corpus(*paths)


def test_texts_that_stand_in_both_parts_or_classes_are_counted(tmp_path):
    twice = write(tmp_path, written(pd.concat([frame(), frame()])))
    with pytest.warns(UserWarning, match=r"texts stand there more than once: \d of 8 in test are also in train$"):
        assert len(read_corpus(twice).test_texts) == 8
    both = write(tmp_path, written(pd.concat([frame(), frame()[:3].assign(label=1 - frame().label[:3])])), name="b.csv")
    with pytest.warns(UserWarning, match=r"\d of 1\d in pos are also in neg") as said:
        read_corpus(both, test_share=0.01)
    assert len(said) <= 2


@pytest.mark.parametrize("damage", ["\ufffd", "’".encode().decode("cp1252"), "’é".encode().decode("latin1")])
def test_texts_damaged_before_are_counted(tmp_path, damage):
    path = write(tmp_path, written(frame().replace("bad film", f"didn{damage}t", regex=True)))
    with pytest.warns(UserWarning, match="10 texts hold signs that reading in a wrong encoding leaves"):
        read_corpus(path)
