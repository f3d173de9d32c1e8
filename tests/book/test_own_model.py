"""The page on one's own model runs as it stands, and what it promises holds."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from linearlens.paths import BOOK

LINES = 10  # a lens takes no more


@pytest.fixture(scope="module")
def page():
    """Code of the page by the section it stands in."""
    blocks, section = {}, ""
    text = (BOOK / "own-model.md").read_text(encoding="utf-8")
    for heading, code in re.findall(r"^#+ ([^\n]*)$|^```python\n(.*?)^```$", text, re.M | re.S):
        section = heading or section
        blocks[section] = blocks.get(section, "") + code
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
    _, call, *lenses = page.values()
    assert len([line for line in call.splitlines() if line.strip()]) <= LINES
    assert len(lenses) == 4
    for code in lenses:
        assert len([line for line in code.splitlines() if line.strip()]) <= LINES, code


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
    assert found["spectrum"].verdict.startswith("The operator predicts better than persistence")
    assert names["written"].count("<section") == 4
