"""Tables of series as people have them: each is read right, or refused with a word that tells what to do."""

import gzip

import numpy as np
import pandas as pd
import pytest

from linearlens.datasets import read_series

N, WIDTH = 130, 12
VALUES = np.random.default_rng(0).normal(size=(N, WIDTH)).round(4)
IS_ANOMALOUS = np.arange(N) % 10 == 9
LABELS = IS_ANOMALOUS.astype(int)


def frame(labels=LABELS, *, last=False, name="label", **values):
    table = pd.DataFrame(VALUES, columns=[f"t{i}" for i in range(WIDTH)]).assign(**values)
    table.insert(WIDTH if last else 0, name, labels)
    return table


def written(table, *, header=True, **how):
    return table.to_csv(header=header, index=False, **how)


def in_the_ucr_format(labels, between):
    return "".join(
        between.join([f"{label:.7e}", *(f"{x:.7e}" for x in row)]) + "\n"
        for label, row in zip(labels, VALUES, strict=True)
    )


def write(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "mine.csv"
    path.write_bytes(text.encode(encoding))
    return path


def assert_right(series, values=VALUES):
    """Against the table that was written: normal and anomalous series, none lost, in no other order than a split's."""
    values = values.astype(np.float32) + 0  # no -0
    np.testing.assert_array_equal(series.anomalous, values[IS_ANOMALOUS])
    together = np.vstack([series.train, series.validation, series.normal]) + 0
    assert sorted(map(bytes, together)) == sorted(map(bytes, values[~IS_ANOMALOUS]))


WORDS = np.where(IS_ANOMALOUS, "Anomalous", "Normal")
BARE = {"header": False}
READ = {
    "no header": (written(frame(), **BARE), {}),
    "header": (written(frame()), {}),
    "header of whole numbers": (written(frame().set_axis(["label", *range(WIDTH)], axis=1)), {}),
    "header of times": (written(frame().set_axis(["label", *np.arange(WIDTH) / 10], axis=1)), {}),
    "tabs": (written(frame(), sep="\t", **BARE), {}),
    "semicolons": (written(frame(), sep=";", **BARE), {}),
    "commas and blanks": (written(frame(), **BARE).replace(",", ", "), {}),
    "Excel in German": ("\ufeff" + written(frame(), sep=";", decimal=",").replace("\n", "\r\n"), {}),
    "tabs, decimal commas": (written(frame(), sep="\t", decimal=",", **BARE), {}),
    "blanks, decimal commas": (written(frame(), sep=" ", decimal=",", **BARE), {}),
    "quoted decimal commas": (written(frame(), decimal=",", **BARE), {}),
    "all quoted": (written(frame(), quoting=1), {}),
    "label last": (written(frame(last=True), **BARE), {}),
    "label last, header": (written(frame(last=True)), {}),
    "label last, said": (written(frame(last=True), **BARE), {"label": -1}),
    "label in the middle": (written(frame().iloc[:, [*range(1, 6), 0, *range(6, WIDTH + 1)]]), {}),
    "label called class": (written(frame(name="Class")), {}),
    "label called otherwise": (written(frame(last=True, name="kind")), {"label": "Kind"}),
    "label words": (written(frame(WORDS)), {}),
    "label words, no header": (written(frame(WORDS), **BARE), {}),
    "label words, said": (written(frame(np.where(IS_ANOMALOUS, "ill", "well")), **BARE), {"normal": "Well"}),
    "True and False": (written(frame(IS_ANOMALOUS), **BARE), {}),
    "labels 0.0 and 1.0": (written(frame(LABELS * 1.0), **BARE), {}),
    "UCR, blanks": (in_the_ucr_format(1 + LABELS, "  ").replace("\n", "\n  "), {"normal": 1}),
    "UCR, tabs": (written(frame(1 + LABELS), sep="\t", **BARE), {"normal": 1}),
    "UCR, -1 beside 1": (written(frame(1 - 2 * LABELS), **BARE), {"normal": 1}),
    "UCR, five classes": (written(frame(1 + LABELS * (1 + np.arange(N) % 4)), sep="\t", **BARE), {"normal": 1}),
    "a comment": ("# mine\n\n" + written(frame(), **BARE), {}),
    "Excel's own line": ("sep=;\n" + written(frame(), sep=";", decimal=","), {}),
    "NumPy": (in_the_ucr_format(LABELS, " "), {}),
    "CR": (written(frame(), **BARE).replace("\n", "\r"), {}),
}  # fmt: skip


@pytest.mark.parametrize("kind", READ)
def test_series_are_read_as_they_were_written(tmp_path, kind):
    text, how = READ[kind]
    assert_right(read_series(write(tmp_path, text), **how))


@pytest.mark.parametrize(
    ("table", "how"),
    [
        (frame(1 + LABELS, last=True, t0=VALUES[:, 0].round(1)), {"normal": 1}),  # 1.0 is among its values
        (frame(last=True, t0=0.0), {}),
        (frame(1234567 + LABELS, t0=0.0), {"normal": 1234567}),
    ],
    ids=["rounded values", "all start at 0", "long labels"],
)
def test_values_are_not_taken_for_labels(tmp_path, table, how):
    wanted = table.filter(regex=r"^t\d").to_numpy()
    assert_right(read_series(write(tmp_path, written(table, header=False)), **how), wanted)


def test_a_constant_series_is_not_too_coarse(tmp_path):
    values = np.vstack([np.full(WIDTH, 0.1), VALUES[1:]])
    table = frame(**{f"t{i}": values[:, i] for i in range(WIDTH)})
    assert_right(read_series(write(tmp_path, written(table))), values)


@pytest.mark.parametrize("encode", [lambda text: text.encode("utf-16"), lambda text: gzip.compress(text.encode())])
def test_series_in_utf_16_or_packed(tmp_path, encode):
    path = tmp_path / "mine.csv"
    path.write_bytes(encode(written(frame())))
    assert_right(read_series(path))


WHOLE = np.random.default_rng(1).integers(0, 900, (N, WIDTH))


@pytest.mark.parametrize("width", [WIDTH, WIDTH - 1])
def test_whole_numbers_between_commas_are_read_when_said(tmp_path, width):
    table = frame().assign(**{f"t{i}": WHOLE[:, i] for i in range(WIDTH)}).iloc[:, : width + 1]
    path = write(tmp_path, written(table, header=False))
    assert_right(read_series(path, decimal="."), WHOLE[:, :width])
    if width % 2:  # pairs of cells would leave one over
        assert_right(read_series(path), WHOLE[:, :width])


def fixed(labels, digits):
    """Numbers with decimal commas and commas between them."""
    rows = zip(labels, VALUES + 5, strict=True)
    return "".join(
        f"{label}," + ",".join(f"{x:.{digits}f}".replace(".", ",") for x in row) + "\n" for label, row in rows
    )


def thousands(before):
    """Numbers that may be 1,234 thousand or 1.234."""
    text = "".join(
        f"{label};" + ";".join(f"{before + x:.3f}" for x in row) + "\n"
        for label, row in zip(LABELS, VALUES, strict=True)
    )
    return text.replace(".", ",")


ASK = r'say decimal="," or decimal="\."'
REFUSED = {
    "decimal commas between commas": (fixed(LABELS, 4), {}, r"all numbers are whole .*another separator"),
    "the same, one digit": (fixed(LABELS, 1), {}, "all numbers are whole"),
    "the same, label 0,0": (fixed([f"{label},0" for label in LABELS], 4), {}, "all numbers are whole"),
    "thousands or decimals": (thousands(100), {}, f"group thousands; {ASK}"),
    "both signs": (
        written(frame(), sep=";", decimal=",").replace("\n0;", "\n0;1.", 1),
        {},
        f"commas and points .*{ASK}",
    ),
    "header that counts": (written(frame().set_axis(range(WIDTH + 1), axis=1)), {}, "only counts 0, 1, 2, .*delete it"),
    "lines counted": (frame().to_csv(), {}, r"value 1 of the series only counts the lines.*index=False"),
    "lines counted, label last": (frame(last=True).to_csv(header=False), {}, "value 1 .* only counts the lines"),
    "UCR": (
        in_the_ucr_format(1 + LABELS, "\t"),
        {},
        r"which label is normal.*column 1 holds '1', '2' \('2' first in line 10\).*say normal=",
    ),
    "UCR, no such label": (in_the_ucr_format(1 + LABELS, "\t"), {"normal": 7}, "say normal="),
    "words of no meaning": (written(frame(np.where(IS_ANOMALOUS, "ill", "well"))), {}, "holds 'ill', 'well'"),
    "no labels": (written(frame().iloc[:, 1:]), {}, "column 1 holds 130 different values; column 12 holds"),
    "labels at both ends": (written(frame(t11=LABELS[::-1]), **BARE), {}, "say label=0 or label=-1"),
    "two columns of labels": (
        written(frame(name="class").assign(label=LABELS)),
        {},
        "2 columns are called .*say label=",
    ),
    "no such column": (written(frame()), {"label": "kind"}, "0 columns are called kind; .*its header is label, t0"),
    "no such place": (written(frame()), {"label": 13}, r"has 13 columns; need a label from -13 to 12, got 13"),
    "far from 0": (
        written(frame(**{f"t{i}": 1.7e9 + VALUES[:, i] for i in range(WIDTH)})),
        {},
        "float32 is too coarse .*subtract",
    ),
    "an open quote": ('"' + written(frame()), {}, "line"),
    "semicolon at the end": (
        written(frame(), sep=";").replace("\n", ";\n"),
        {},
        "line 2, column 14: need a number, nothing",
    ),
    "a hole beside decimal commas": (
        written(frame(), sep=";", decimal=",").replace(";-0,", ";n/a,", 1),
        {},
        "line 2, column .: need a number, 'n/a",
    ),
    "a footer": (written(frame()) + "the end", {}, "line 132: 1 columns came, but line 1 has 13"),
    "a second header": (written(frame()) + written(frame()), {}, "'label' first in line 132"),
    "a header alone": (written(frame()[:0]), {}, "holds no series"),
    "True among values": (written(frame(t3=True)), {}, "line 2, column 5: need a number, 'True' came"),
    "points where commas were said": (written(frame(), sep=";"), {"decimal": ","}, "line 2, column 2: need a number"),
    "a label missing in line 1": (written(frame(), **BARE).replace("0,", "?,", 1), {}, "holds '0', '1', '\\?'"),
    "a number beside normal": (written(frame(np.where(IS_ANOMALOUS, "2", "normal"))), {}, "holds '2', 'normal'"),
    "another sign": (written(frame()), {"decimal": ";"}, 'decimal must be "." or ","'),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_could_be_read_in_two_ways_is_refused(tmp_path, kind):
    text, how, message = REFUSED[kind]
    with pytest.raises(ValueError, match=message):
        read_series(write(tmp_path, text), **how)


def test_the_decimal_sign_is_taken_as_said(tmp_path):
    path = write(tmp_path, thousands(100))
    assert_right(read_series(path, decimal=","), np.vectorize(lambda x: float(f"{x:.3f}"))(VALUES + 100))
    with pytest.raises(ValueError, match="line 1, column 2: need a number, '100,"):  # thousands are never grouped
        read_series(path, decimal=".")


@pytest.mark.parametrize(
    ("encoding", "message"),
    [
        ("utf-16-le", 'NUL signs.*encoding="utf-16-le"'),
        ("cp1252", r'is not UTF-8: byte 0x92 at position 0; .*"cp1252"'),
    ],
)
def test_another_encoding_is_named_and_taken_as_said(tmp_path, encoding, message):
    path = write(tmp_path, written(frame(name="’label")), encoding)
    with pytest.raises(ValueError, match=message):
        read_series(path)
    assert_right(read_series(path, encoding=encoding))


def test_series_that_stand_in_two_parts_are_counted(tmp_path):
    path = write(tmp_path, written(pd.concat([frame(), frame()])))
    with pytest.warns(
        UserWarning, match=r"series stand there more than once: (\d+) of 23 in validation are also in train"
    ):
        series = read_series(path)
    assert len(series.anomalous) == 26


def at_random(rng):
    """Values, and a text that holds them with any separator, decimal sign, digits, header and place of the label."""
    digits, width = int(rng.integers(0, 5)), int(rng.integers(5, WIDTH + 1))
    values = (VALUES[:, :width] * 10.0 ** rng.integers(0, 4)).round(digits)
    sign = rng.choice([".", ","])
    cells = np.vectorize(lambda x: f"{x:.{digits}f}".replace(".", sign))(values)
    label = np.array([LABELS, LABELS * 1.0, WORDS], dtype=object)[rng.integers(3)]
    names = ["label", *(f"{rng.choice(['t', ''])}{i}" for i in range(width))]
    rows = np.column_stack([[str(one).replace(".", sign) for one in label], cells])
    table = np.vstack([names, rows])[rng.integers(2) :]
    turned = np.roll(table, -rng.integers(2), axis=1)
    return values, "\n".join(map(rng.choice([",", ";", "\t", " "]).join, turned))


@pytest.mark.filterwarnings("ignore:.*stand there more than once")  # whole numbers, few steps
@pytest.mark.parametrize("seed", range(8))
def test_no_way_of_writing_is_read_wrong(tmp_path, seed):
    rng = np.random.default_rng(seed)
    n_read = 0
    for _ in range(12):
        values, text = at_random(rng)
        try:
            series = read_series(write(tmp_path, text))
        except ValueError:
            continue
        assert_right(series, values)
        n_read += 1
    assert n_read > 3
