"""The page on one's own model runs as it stands, and what it promises holds."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from linearlens.paths import BOOK
from linearlens.press.pages.worked import read_page

LINES = 10  # a lens takes no more


@pytest.fixture(scope="module")
def page():
    """Code of the page by the section it stands in."""
    blocks, section = {}, ""
    for cell in read_page(BOOK / "own-model.md").cells:
        if cell.cell_type == "code":
            blocks[section] = f"{blocks.get(section, '')}{cell.source}\n"
        elif headings := re.findall(r"^## (.*)$", cell.source, re.M):
            section = headings[-1]
    return blocks


@pytest.fixture(scope="module")
def names(page, tmp_path_factory):
    """What stands in the kernel at the end."""
    space = {}
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.chdir(tmp_path_factory.mktemp("own"))  # where it writes its report
    with torch.random.fork_rng():
        for code in page.values():
            exec(compile(code, "own-model.md", "exec"), space)
    space["written"] = Path("report.html").read_text(encoding="utf-8")
    monkeypatch.undo()
    return space


def test_a_lens_takes_ten_lines(page):
    _, call, _, *lenses = page.values()
    shown = [line for line in call.splitlines() if line.strip() and not line.startswith("report.figures[")]
    assert len(shown) <= LINES
    assert len(lenses) == 4
    for code in lenses:
        assert len([line for line in code.splitlines() if line.strip()]) <= LINES, code


def test_each_picture_of_the_report_is_shown_and_described(names):
    cells = [cell for cell in read_page(BOOK / "own-model.md").cells if cell.source.startswith("report.figures[")]
    assert {re.search(r'"(.*)"', cell.source)[1] for cell in cells} == {*names["report"].figures}
    for cell in cells:
        assert cell.metadata.mystnb.figure.name.startswith("fig-own-")
        assert cell.metadata.mystnb.figure.caption.endswith(".")
        assert len(cell.metadata.mystnb.image.alt) > 40


def test_what_the_captions_say_is_in_the_pictures(names):
    figures = names["report"].figures
    (forecast,) = figures["spectrum.forecast"].axes
    curves = [line for line in forecast.lines if len(line.get_xdata()) > 2]
    assert [(line.get_label(), line.get_color()[2] > 0.6) for line in curves] == [
        ("operator", True), ("persistence", False), ("mean", False)
    ]  # fmt: skip
    assert len(figures["spectrum.spectrum"].axes[0].patches) == 2, "the disc and its rim"
    assert [axes.get_title("left") for axes in figures["layers.replacement"].axes[::2]] == [
        *names["report"].tables["layers.replacement"].index
    ]
    pictures = figures["map.contributions"].axes
    assert [axes.images[0].get_array().shape for axes in pictures] == 4 * [(8, 8)]
    (credit,) = figures["credit.credit"].axes
    assert len(credit.get_legend().get_texts()) == 5


def test_the_page_says_what_is_refused(names):
    wrong, usual = names["wrong"], names["usual"]
    assert len(wrong) == 3
    for change in wrong.values():
        with pytest.raises(ValueError, match=r"labels go from 1 to 10|need 20 samples|does not run on these inputs"):
            names["linearlens"].report(names["model"], **usual | change)


def test_the_model_learnt_and_the_lenses_see_it(names):
    assert names["accuracy"](names["model"]) > 0.9, "chance is a tenth; linear classifiers reach nine tenths here"
    doing_nothing = names["forecast_error"](names["Persistence"](), names["held_out"]).overall
    assert names["forecast_error"](names["koopman"], names["held_out"]).overall < doing_nothing
    assert abs(names["koopman"].eigenvalues_ - 1).min() < 1e-6, "that of the constant"
    assert names["accuracy"](names["replace"](names["model"], names["lifted"])) > 0.8
    assert names["lifted"].lifted_dimension == 533, "32 states, 500 cosines, the constant"
    model, one, affine = names["model"], names["one"], names["affine"]
    assert affine.weight.shape == (4, 10, 8, 8)
    torch.testing.assert_close(affine(one), model(one), rtol=1e-5, atol=1e-5)
    credit = names["credits"](model.stack, names["entering"], methods=["weight_gain"])
    assert credit.shape == (3, 1)
    assert np.isfinite(credit.to_numpy()).all()


def test_the_report_finds_a_lens_for_each_part(names):
    found = names["report"].findings
    assert all(one.applies for one in found.values()), {lens: one.verdict for lens, one in found.items()}
    assert found["spectrum"].verdict.startswith("The operator predicts better than persistence and than the mean up to")
    assert names["report"].warnings == []
    assert names["written"].count("<section") == 4
