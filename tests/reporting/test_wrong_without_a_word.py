"""Questions to which a report could give a wrong number without a word: each is refused, or the report says so."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import linearlens
from linearlens.figures import use_style
from linearlens.koopman import Koopman
from linearlens.reporting import _credit, _finding, _layers, _map, _report, _spectrum
from linearlens.reporting._credit import _verdict as verdict_on_credit
from linearlens.reporting._finding import Budget, BudgetError, Finding

RNG = np.random.default_rng(0)
X, X_TEST = np.float32(RNG.normal(size=(200, 6))), np.float32(RNG.normal(size=(100, 6)))


def net(*sizes, **how):
    torch.manual_seed(0)
    layers = [part for n, m in pairwise(sizes) for part in (nn.Linear(n, m, **how), nn.ReLU())]
    return nn.Sequential(*layers[:-1])


def labels_of(model, x):
    with torch.no_grad():
        return model(torch.as_tensor(x)).argmax(1).numpy()


def look(model, train=X, test=X_TEST, **options):
    return linearlens.report(model, train, test, **{"lenses": [], "progress": False} | options)


@pytest.mark.parametrize("kind", [torch.tensor, list, lambda x: (x,), lambda x: {"input": torch.tensor(x)}])
def test_samples_of_any_kind_are_looked_at(kind):
    whole = look(net(6, 8, 3), kind(X), kind(X_TEST))
    assert whole.warnings == []
    assert whole.made_with["samples"] == {"train": 200, "test": 100}


# Labels and outputs that do not belong together.


@pytest.mark.parametrize(
    ("train", "says"),
    [
        (np.arange(200) % 3 + 1, "labels go from 0 to 3, but the model tells 3 classes apart, 0 to 2"),
        (np.arange(200) % 3 - 1, "labels go from -1 to 2"),
        (RNG.random(200), "labels are whole numbers from 0"),
        (np.array(["a"] * 200), "labels are whole numbers from 0"),
        (np.eye(3)[np.arange(200) % 3], "one label for each of 200 train samples"),
        (np.full(200, np.nan), "labels are whole numbers from 0"),
    ],
)
def test_labels_that_are_not_the_places_of_outputs_are_refused(train, says):
    with pytest.raises(ValueError, match=says):
        look(net(6, 8, 3), labels=(train, np.arange(100) % 3))


@pytest.mark.parametrize("kind", [np.int8, np.uint8, float, torch.tensor, list])
def test_labels_of_any_kind_give_the_same(kind):
    model = net(6, 8, 3)
    labels = labels_of(model, X), labels_of(model, X_TEST)
    given = [one.astype(kind) if isinstance(kind, type) and kind is not list else kind(one) for one in labels]
    table = look(model, labels=tuple(given), lenses=["layers"], between=[("0", "2")]).tables["layers.replacement"]
    assert table["own"].item() == 1


def test_a_single_output_is_a_decision_and_not_a_class_of_one():
    model = net(6, 8, 1)
    with torch.no_grad():
        labels = [(model(torch.as_tensor(x))[:, 0] > 0).long().numpy() for x in (X, X_TEST)]
    seen = look(model, labels=tuple(labels), lenses=["layers", "credit"], between=[("0", "2")])
    assert seen.tables["layers.replacement"]["own"].item() == 1
    assert "the model has one" in seen.findings["credit"].verdict, "argmax of one output is always 0"
    odds = nn.Sequential(model, nn.Sigmoid())
    seen = look(odds, labels=tuple(labels), lenses=["layers"], between=[("0.0", "0.2")])
    assert seen.tables["layers.replacement"]["own"].item() == 1, "above a half, not above 0"
    assert any("read as a probability" in said for said in seen.warnings)
    flat = nn.Sequential(model, nn.Flatten(0))
    assert look(flat, labels=tuple(labels)).warnings == []


def test_outputs_that_are_no_row_are_no_classes():
    model = nn.Sequential(net(6, 8, 6), nn.Unflatten(1, (2, 3)))
    with pytest.raises(ValueError, match="one row of outputs a sample"):
        look(model, labels=(np.zeros(200, int), np.zeros(100, int)))
    seen = look(model, lenses=["layers"], between=[("0.0", "0.2")])
    assert "the output" in seen.findings["layers"].verdict, "no decision is made up"


def test_a_model_that_knows_nothing_is_said_to():
    seen = look(net(6, 8, 3), labels=(RNG.integers(3, size=200), RNG.integers(3, size=100)))
    assert any("either it has learnt nothing, or inputs, outputs and labels" in said for said in seen.warnings)
    model = net(6, 8, 3)
    assert look(model, labels=(labels_of(model, X), labels_of(model, X_TEST))).warnings == []


def test_names_of_classes_are_those_of_outputs():
    with pytest.raises(ValueError, match="2 classes are named"):
        look(net(6, 8, 3), classes=["a", "b"])


@pytest.mark.parametrize("last", [nn.Identity(), nn.Sigmoid()])
def test_a_picture_of_one_logit_names_what_was_decided(last):
    model = nn.Sequential(net(6, 8, 1), last)
    seen = look(model, classes=["no", "yes"], lenses=["map"])
    titles = [axes.get_title() for axes in seen.figures["map.contributions"].axes]
    outputs = seen.tables["map.worth"]["output"].to_numpy()[: len(titles)]
    decided = np.where(outputs > (0 if isinstance(last, nn.Identity) else 0.5), "yes", "no")
    assert titles == [f"{name}, by the output for yes" for name in decided]
    assert len(set(seen.tables["map.worth"]["output"] > outputs.mean())) == 2
    bare = look(model, lenses=["map"]).figures["map.contributions"]
    assert bare.axes[0].get_title() == "output 0", "nobody said that it decides"


# Models that do not give the same twice.


class Draws(nn.Module):
    def __init__(self):
        super().__init__()
        self.part = net(6, 8, 3)

    def forward(self, x):
        return self.part(nn.functional.dropout(x, 0.5, training=True))


class Counts(nn.Module):
    def __init__(self):
        super().__init__()
        self.part, self.calls = net(6, 8, 3), 0
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, x):
        self.calls += 1
        self.seen += 1
        return self.part(x) + self.calls


class Mixes(nn.Module):
    def __init__(self):
        super().__init__()
        self.part = net(6, 8, 3)

    def forward(self, x):
        return self.part(x - x.mean(0))


@pytest.mark.parametrize("model", [Draws, Counts])
def test_a_model_that_gives_other_outputs_for_the_same_samples_is_named(model):
    mine = model()
    before = {name: value.clone() for name, value in mine.state_dict().items()}
    assert any("other outputs for the same samples" in said for said in look(mine).warnings)
    assert all(torch.equal(before[name], value) for name, value in mine.state_dict().items())
    assert getattr(mine, "calls", 0) == 0, "a copy ran"


def test_samples_that_depend_on_each_other_are_named():
    assert any("depends on the others of its batch" in said for said in look(Mixes()).warnings)

    class StepsFirst(nn.Module):
        def __init__(self):
            super().__init__()
            self.read = nn.GRU(6, 3)

        def forward(self, x):
            return self.read(x)[0]

    x = np.float32(RNG.normal(size=(60, 5, 6)))
    assert any("samples do not come first" in said for said in look(StepsFirst(), x, x[::-1] + 1).warnings)


def test_a_model_without_a_row_for_each_sample_is_refused():
    class Mean(nn.Module):
        def forward(self, x):
            return x.mean(0)

    with pytest.raises(ValueError, match="its outputs need a row for each sample"):
        look(Mean())


# Modes, dtypes and what stands around the call.


def test_training_mode_changes_nothing_and_stays():
    model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Dropout(), nn.ReLU(), nn.Linear(8, 3))
    ends = [look(model.train(mode), lenses=["map"]).tables["map.worth"] for mode in (True, False)]
    assert ends[0].equals(ends[1])
    model.train()
    look(model)
    assert all(part.training for part in model.modules())
    assert not model[1].num_batches_tracked


@pytest.mark.parametrize("kind", [np.float64, np.float16, np.int64])
def test_arrays_of_any_kind_are_read_as_the_model_wants_them(kind):
    x, x_test = (4 * X).astype(kind), (4 * X_TEST).astype(kind)
    want = look(net(6, 8, 3), x.astype(np.float32), x_test.astype(np.float32), lenses=["map"]).tables["map.worth"]
    got = look(net(6, 8, 3), x, x_test, lenses=["map"]).tables["map.worth"]
    np.testing.assert_allclose(got.to_numpy(), want.to_numpy(), rtol=1e-4, atol=1e-5)


def test_a_tensor_of_another_dtype_is_refused_once_and_plainly():
    with pytest.raises(ValueError, match="does not run on these inputs: RuntimeError"):
        look(net(6, 8, 3), torch.as_tensor(X, dtype=torch.float64), torch.as_tensor(X_TEST, dtype=torch.float64))


def test_half_precision_and_double_precision_are_hashed_and_seen():
    for kind in (torch.bfloat16, torch.float64):
        seen = look(net(6, 8, 3).to(kind), lenses=["layers"], between=[("0", "2")])
        assert seen.findings["layers"].applies, seen.findings["layers"].verdict
        assert len(seen.made_with["weights_sha256"]) == 64


def test_neither_random_numbers_nor_modes_of_the_caller_leak():
    model, bare = net(6, 8, 3), look(net(6, 8, 3), lenses=["layers", "map"])
    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002 that of the caller, who may use it
    state, legacy = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    with torch.inference_mode():
        inside = look(model, lenses=["layers", "map"])
    assert torch.equal(state, torch.get_rng_state())
    assert np.array_equal(legacy, np.random.get_state()[1])  # noqa: NPY002
    for name, table in bare.tables.items():
        assert table.equals(inside.tables[name]), name


def test_frozen_weights_change_nothing():
    want = look(net(6, 8, 3), lenses=["map"]).tables["map.worth"]
    assert look(net(6, 8, 3).requires_grad_(False), lenses=["map"]).tables["map.worth"].equals(want)


def test_numbers_that_are_not_finite_are_refused():
    x = X_TEST.copy()
    x[:, 0] = np.nan
    with pytest.raises(ValueError, match="not finite for some test samples"):
        look(net(6, 8, 3), test=x)


# Few data, and data that are not held out.


def test_test_samples_that_were_learnt_from_are_named():
    assert any("100% of the test samples stand among" in said for said in look(net(6, 8, 3), X, X[:100]).warnings)
    assert any("50% of the test samples" in said for said in look(net(6, 8, 3), X, np.r_[X[:50], X_TEST[:50]]).warnings)


def test_few_samples_are_no_proof_that_a_map_keeps_the_accuracy():
    low, high = _layers._bounds(np.zeros(20), decides=True)
    assert high > _layers.POINT > 0 > low
    low, high = _layers._bounds(np.zeros(2000), decides=True)
    assert high < _layers.POINT
    linear = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3))
    with torch.no_grad():
        linear[0].weight.mul_(0.01)
    seen = look(linear, test=X_TEST[:20], lenses=["layers"], between=[("0", "1")])
    assert "20 test samples cannot tell" in seen.findings["layers"].verdict


def test_bounds_hold_as_often_as_they_say():
    rng = np.random.default_rng(1)
    true = 0.03
    lost = rng.choice([1.0, -1.0, 0.0], p=[0.05, 0.02, 0.93], size=(500, 400))
    low, high = np.transpose([_layers._bounds(one, decides=True) for one in lost])
    assert (low > true).mean() < 0.08
    assert (high < true).mean() < 0.08


def test_a_damage_that_does_not_agree_with_itself_judges_no_credit():
    agreement = pd.Series({"swap": 0.9, "residual": 0.1, "depth": 0.2, "weight_norm": 0.0})
    luck = pd.Series({"swap": 0.04, "residual": 1.0, "depth": 1.0, "weight_norm": 1.0})
    damage = pd.Series([0.1, 0.2, 0.3, 0.4, 0.5])
    assert "no credit can be judged" in verdict_on_credit(agreement, luck, 0.1, damage)
    assert "a hint and no proof" in verdict_on_credit(agreement, luck, 0.9, damage)
    assert "more than luck" in verdict_on_credit(agreement, luck / 10, 0.9, damage)
    assert "believe the damage" in verdict_on_credit(agreement.replace(0.2, 0.95), luck, 0.9, damage)


def test_states_too_wide_for_credit_are_named_and_not_waited_for():
    model = net(6, 1600, 3)
    labels = labels_of(model, X), labels_of(model, X_TEST)
    one = look(model, labels=labels, lenses=["credit"]).findings["credit"]
    assert "operators between states of more than 1500 numbers take too long, and 1 has 1600" in one.verdict


def test_credit_begins_behind_states_that_are_too_wide_and_says_so():
    model = net(6, 1600, 8, 8, 8, 3)
    labels = labels_of(model, X), labels_of(model, X_TEST)
    one = look(model, labels=labels, lenses=["credit"]).findings["credit"]
    assert [*one.tables["credit"].index] == ["4", "6", "8"]
    assert any("credit begins behind 3: before it" in said for said in one.warnings)


def test_sequences_that_end_in_padding_are_named():
    class Reads(nn.Module):
        def __init__(self):
            super().__init__()
            self.words = nn.Embedding(20, 4)
            self.read = nn.GRU(4, 5, batch_first=True)

        def forward(self, ids):
            return self.read(self.words(ids))[0][:, -1]

    ids = RNG.integers(1, 20, size=(60, 9))
    padded = ids.copy()
    padded[:30, 5:] = 0
    for given, expected in ((ids, False), (padded, True)):
        one = look(Reads(), given, given[::-1], lenses=["spectrum"]).findings["spectrum"]
        assert any("if that is padding" in said for said in one.warnings) == expected


@pytest.mark.parametrize(
    ("operator", "scales", "says"),
    [
        (np.diag([0.9, 0.6, 0.3]), (1, 1, 1), ""),
        (np.diag([0.9, 0.6, 0.3]), (1, 1e-3, 1e3), "1 of 3 directions than in the widest"),
        (np.array([[0.9, 1, 0], [0, 0.9, 1], [0, 0, 0.9]]), (1, 1, 1), "nearly dependent"),
    ],
)
def test_a_spectrum_that_a_little_noise_would_change_is_said_to_be_fragile(operator, scales, says):
    paths = []
    for start in np.random.default_rng(0).normal(size=(40, 3)):
        states = [start]
        for _ in range(10):
            states.append(states[-1] @ operator)
        paths.append(np.array(states) * scales)
    said = " ".join(_spectrum._fragile(paths, Koopman(constant=True).fit(paths)))
    assert (says in said) if says else not said


def test_a_constant_unit_makes_no_fit_fragile():
    paths = [np.c_[path, np.ones(9)] for path in RNG.normal(size=(40, 9, 3))]
    assert not [*_spectrum._fragile(paths, Koopman(constant=True).fit(paths))]


def test_a_forecast_must_beat_the_mean_state_too():
    class Noise(nn.Module):
        def __init__(self):
            super().__init__()
            self.read = nn.RNN(3, 3, batch_first=True)
            with torch.no_grad():
                self.read.weight_hh_l0.zero_()

        def forward(self, x):
            return self.read(x)[0][:, -1]

    x = np.float32(RNG.normal(size=(60, 10, 3)))
    one = look(Noise(), x[:40], x[40:], lenses=["spectrum"]).findings["spectrum"]
    table = one.tables["forecast"]
    assert (table["operator"] < table["persistence"]).all(), "of noise, persistence misses twice the variance"
    assert "predicts better than persistence and than" not in one.verdict, one.verdict


# Stopped.


def test_an_interrupt_keeps_the_layers_that_are_done_and_leaves_no_hook(monkeypatch):
    model, calls = net(6, 8, 8, 8, 3), []
    labels = labels_of(model, X), labels_of(model, X_TEST)
    once = _layers._one_span

    def stopped(*given):
        calls.append(given[1:3])
        if len(calls) > 1:
            raise KeyboardInterrupt
        return once(*given)

    monkeypatch.setattr(_layers, "_one_span", stopped)
    seen = look(model, labels=labels, lenses=["layers", "map"])
    assert len(seen.tables["layers.replacement"]) == 1
    assert any("left out: it was interrupted" in said for said in seen.findings["layers"].warnings)
    assert seen.findings["map"].verdict == "Left out: it was interrupted."
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in model.modules())


def test_a_budget_ends_between_two_layers(monkeypatch):
    model, done = net(6, 8, 8, 8, 3), []
    once = _layers._one_span

    def slow(*given):
        done.append(given)
        return once(*given)

    monkeypatch.setattr(_layers, "_one_span", slow)
    monkeypatch.setattr(_report.Budget, "left", property(lambda self: 1.0 - len(done)))
    seen = look(model, lenses=["layers", "map"], budget=1.0)
    assert len(seen.tables["layers.replacement"]) == len(done) == 1
    assert any("left out: the budget of 1 CPU seconds was spent" in said for said in seen.findings["layers"].warnings)
    assert seen.findings["map"].verdict == "Left out: the budget of 1 CPU seconds was spent."


class Steps(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.read, self.out = nn.GRU(3, 8, batch_first=True), net(8, 8, 3)

    def forward(self, x):
        return self.out(self.read(x)[0][:, -1])


@pytest.mark.parametrize("lens", [*_report.LENSES])
def test_what_does_not_fit_the_budget_is_not_begun(lens, monkeypatch):
    model, x, x_test = net(6, 8, 8, 3), X, X_TEST
    if lens == "spectrum":
        model, x, x_test = Steps(), *(np.float32(RNG.normal(size=(n, 6, 3))) for n in (60, 40))
    labels = labels_of(model, x), labels_of(model, x_test)
    options = {"labels": labels, "lenses": [lens], "between": [("0", "2")]}
    assert look(model, x, x_test, **options).findings[lens].applies
    monkeypatch.setattr(_finding, "_speeds", lambda: (1.0, 1.0))  # operations a second
    monkeypatch.setattr(_map, "OTHERS", 1e9)
    one = look(model, x, x_test, **options).findings[lens]
    assert not one.applies
    assert one.verdict.startswith("Left out: it would take about"), one.verdict


def test_a_lens_leaves_half_of_the_budget_to_those_behind():
    clock = Budget(1000, lambda said: None)
    clock.begin(last=False)
    with pytest.raises(BudgetError, match="it would take about 6e\\+02 CPU seconds, and the budget leaves it 5e\\+02"):
        clock.step("dear", needs=600)
    clock.until = 0.0  # a step took longer than was thought
    clock.step("cheap")
    with pytest.raises(BudgetError, match="leaves it 0"):
        clock.step("dear", needs=1)
    clock.begin(last=True)
    clock.step("dear", needs=600)


def test_the_cheaper_layers_come_first_and_the_dear_one_is_named(monkeypatch):
    model = net(6, 200, 8, 8, 3)
    labels = labels_of(model, X), labels_of(model, X_TEST)
    between = [("0", "2"), ("3", "5")]
    asked = _report.checked(model, X, X_TEST, labels, None, between, None, None, None, 0)
    dear, cheap = _layers._seconds(asked, between, X, X_TEST).values()
    assert dear > cheap
    monkeypatch.setattr(_layers, "_seconds", lambda *given: dict(zip(between, (1e9, 0.0), strict=True)))
    one = look(model, labels=labels, lenses=["layers"], between=between).findings["layers"]
    assert [*one.tables["replacement"].index] == ["3 → 5"]
    assert any(said.startswith("0 → 2 left out: it would take about") for said in one.warnings)


def test_fewer_instances_where_the_budget_has_no_time_for_all(monkeypatch):
    monkeypatch.setattr(_map, "_affordable", lambda *given: 9)
    one = look(net(6, 8, 3), lenses=["map"]).findings["map"]
    assert len(one.tables["worth"]) == len(one.tables["deletion"]) == 9
    assert any("9 instances in place of 64" in said for said in one.warnings)


# Shown.


def test_a_long_signal_is_drawn_as_a_curve_with_its_contributions():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv1d(2, 4, 5), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 44, 3))
    x = np.float32(RNG.normal(size=(60, 2, 48)))
    axes = look(model, x[:30], x[30:], lenses=["map"]).figures["map.contributions"].axes[0]
    assert [len(line.get_xdata()) for line in axes.lines] == [48, 48]
    assert "bias" in axes.get_title()


def test_a_network_with_weights_drawn_anew_has_none_of_the_old():
    from torch.nn.utils.parametrizations import weight_norm

    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.token = nn.Parameter(torch.randn(6))
            self.part = weight_norm(nn.Linear(6, 3))

        def forward(self, x):
            return self.part(x + self.token)

    mine = Own()
    other = _map._untrained(mine, 0)
    for (name, before), after in zip(mine.named_parameters(), other.parameters(), strict=True):
        assert not torch.equal(before, after), name
    assert torch.equal(mine.token.sort().values, other.token.sort().values), "shuffled: no reset reaches it"


def test_tokens_are_named_by_the_vocabulary():
    class Bag(nn.Module):
        def __init__(self):
            super().__init__()
            self.words, self.out = nn.Embedding(4, 6), nn.Linear(6, 2)

        def forward(self, ids):
            return self.out(self.words(ids).mean(1))

    ids = RNG.integers(4, size=(60, 3))
    seen = look(Bag(), ids[:30], ids[30:], lenses=["map"], features=["the", "a", "film", "good"])
    names = [label.get_text() for label in seen.figures["map.contributions"].axes[0].get_yticklabels()]
    assert names[-1] == "bias"
    assert all(name.split()[1] in {"the", "a", "film", "good"} for name in names[:-1])


def test_colours_stay_where_another_style_is_set():
    seen = look(net(6, 8, 3), lenses=["layers", "map"], between=[("0", "2")])
    with _report.mpl.rc_context():
        use_style()
        want = {
            name: [line.get_color() for line in figure.findobj(_report.Line2D)] for name, figure in seen.figures.items()
        }
    assert not any(isinstance(color, str) for colors in want.values() for color in colors), (
        "none by its place in a cycle"
    )


def test_parts_are_named_as_shortly_as_tells_them_apart():
    assert _credit._short(["body.drop", "body.layers.one", "head"]) == ["drop", "one", "head"]
    assert _credit._short(["body.1.relu", "body.2.relu"]) == ["1.relu", "2.relu"]


def test_a_finding_of_a_failing_lens_names_the_failure(monkeypatch):
    monkeypatch.setitem(_report.LENSES, "map", lambda asked, budget: 1 / 0)
    one = look(net(6, 8, 3), lenses=["map"]).findings["map"]
    assert isinstance(one, Finding)
    assert "ZeroDivisionError" in one.verdict
    assert one.title == _map.TITLE
