"""States of sequence models as people write them: cells in loops, layers in steps, dicts, masks, half precision."""

from collections import OrderedDict

import numpy as np
import pytest
import torch
from test_snapshots import LENGTHS, Reader, slow_states
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence
from torch.utils.data import DataLoader, TensorDataset

from linearlens.koopman import Koopman
from linearlens.snapshots import collect_hidden, iterate_hidden


@pytest.fixture
def x():
    """Padded sequences of LENGTHS, batch first; what stands in the padding is not 0."""
    return np.random.default_rng(0).normal(size=(4, 7, 3)).astype(np.float32)


class Looped(nn.Module):
    """A cell called once a step, as the authors of KANN write it; `how` says what happens between the steps."""

    def __init__(self, kind, how="plain", start=None):
        super().__init__()
        torch.manual_seed(0)
        self.cell, self.readout = kind(3, 6), nn.Linear(6, 2)
        self.how, self.start = how, start

    def forward(self, x, lengths=None):
        state = self.start
        for step in range(x.shape[1]):
            new = self.cell(x[:, step], state)
            if self.how == "masked" and state is not None:
                going = (torch.as_tensor(lengths) > step)[:, None]
                new = torch.where(going, new, state)
            elif self.how == "turned":
                new = new.flip(1)
            state = new
        return self.readout(state[0] if isinstance(state, tuple) else state)

    @torch.no_grad()
    def slow(self, sequence):
        states, state = [], None if self.start is None else tuple(s[:1] for s in self.start)
        for step in torch.as_tensor(sequence):
            state = self.cell(step[None], state)
            states.append(torch.cat(state, dim=1)[0] if isinstance(state, tuple) else state[0])
        return torch.stack(states).numpy()


@pytest.mark.parametrize("kind", [nn.RNNCell, nn.GRUCell, nn.LSTMCell])
def test_a_cell_in_a_loop_gives_the_state_of_each_call(kind, x):
    model = Looped(kind)
    for options in ({}, {"module": "cell"}, {"full": True}, {"lengths": LENGTHS}):
        states = collect_hidden(model, x, **options)
        for number, item in enumerate(states):
            width = 12 if options.get("full") and kind is nn.LSTMCell else 6
            slow = model.slow(x[number])[: LENGTHS[number] if "lengths" in options else 7, :width]
            np.testing.assert_allclose(item, slow, atol=1e-6)
    begun = collect_hidden(model, x, initial=True, full=True)
    assert not begun[0][0].any()
    assert begun[0].shape == (8, 12 if kind is nn.LSTMCell else 6)


def test_a_loop_starts_where_the_model_starts_it(x):
    start = (torch.ones(4, 6), torch.full((4, 6), 2.0))
    model = Looped(nn.LSTMCell, start=start)
    states = collect_hidden(model, x, initial=True, full=True)
    np.testing.assert_array_equal(states[1][0], [1] * 6 + [2] * 6)
    np.testing.assert_allclose(states[1][1:], model.slow(x[1]), atol=1e-6)


def test_what_happens_to_a_state_between_two_calls_is_seen_but_in_the_padding(x):
    model = Looped(nn.GRUCell, "masked")
    plain = Looped(nn.GRUCell)
    for item, sequence, n in zip(collect_hidden(model, x, LENGTHS, lengths=LENGTHS), x, LENGTHS, strict=True):
        np.testing.assert_allclose(item, plain.slow(sequence)[:n], atol=1e-6)
    with pytest.raises(ValueError, match="reached cell 7 times, and run 3 does not start where the one before ended"):
        collect_hidden(model, x, LENGTHS)  # the third sequence has one step
    with pytest.raises(ValueError, match="run 2 does not start where the one before ended; name one run, 'cell#1'"):
        collect_hidden(Looped(nn.GRUCell, "turned"), x)


class Stepped(nn.Module):
    """A layer run on a few steps at a time, its state carried on."""

    def __init__(self, kind, at_a_time=1):
        super().__init__()
        torch.manual_seed(0)
        self.layer, self.at_a_time = kind(3, 6, 2, batch_first=True), at_a_time

    def forward(self, x):
        state = None
        for part in x.split(self.at_a_time, dim=1):
            out, state = self.layer(part, state)
        return out


@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU, nn.LSTM])
@pytest.mark.parametrize("at_a_time", [1, 3, 7])
def test_a_layer_run_in_steps_and_the_full_state_of_all_layers(kind, at_a_time, x):
    model = Stepped(kind, at_a_time)
    top, full = collect_hidden(model, x), collect_hidden(model, x, full=True, initial=True)
    for number, sequence in enumerate(x):
        last, everything = slow_states(model.layer, sequence)
        np.testing.assert_allclose(top[number], last, atol=1e-6)
        wanted = everything if kind is nn.LSTM else everything[:, :12]
        np.testing.assert_allclose(full[number][1:], wanted, atol=1e-6)
        assert not full[number][0].any()


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.GRU(3, 3, batch_first=True)

    def forward(self, x):
        return self.layer(self.layer(x)[0])[0]


def test_of_a_module_used_twice_one_run_is_named(x):
    model, given = Tied(), torch.as_tensor(x)
    once = model.layer(given)[0].detach()
    for number, wanted in (("layer#1", once), ("layer#2", model.layer(once)[0].detach())):
        np.testing.assert_allclose(np.stack(collect_hidden(model, x, module=number)), wanted, atol=1e-6)
    with pytest.raises(ValueError, match=r"reached layer 2 times, and run 2 does not start .* 'layer#1' to 'layer#2'"):
        collect_hidden(model, x)
    with pytest.raises(ValueError, match="forward reached layer#3 never"):
        collect_hidden(model, x, module="layer#3")


@pytest.mark.parametrize("pack", [True, False])
@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU, nn.LSTM])
def test_one_direction_of_a_layer_that_reads_both_ways(kind, pack, x):
    class Both(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.layer = kind(3, 6, batch_first=True, bidirectional=True)

        def forward(self, x):
            if pack:
                x = pack_padded_sequence(x, torch.tensor(LENGTHS), batch_first=True, enforce_sorted=False)
            return self.layer(x)[1]

    model = Both()
    for direction, end in (("forward", "l0"), ("backward", "l0_reverse")):
        alone = kind(3, 6, batch_first=True)
        alone.load_state_dict({
            name: dict(model.layer.named_parameters())[name.replace("l0", end)] for name, _ in alone.named_parameters()
        })  # fmt: skip
        found = collect_hidden(model, x, direction=direction, initial=True)
        for item, sequence, n in zip(found, x, LENGTHS if pack else [7] * 4, strict=True):
            read = sequence[:n] if direction == "forward" else sequence[:n][::-1].copy()
            np.testing.assert_allclose(item[1:], slow_states(alone, read)[0], atol=1e-6)
            assert not item[0].any()
            assert item.shape == (n + 1, 6)


class Output(OrderedDict):
    """What Hugging Face models return: a mapping with attributes."""


class Wrapped(nn.Module):
    """Takes inputs by name and returns a mapping; embeds token ids."""

    def __init__(self, extra=False):
        super().__init__()
        torch.manual_seed(0)
        self.embedding, self.core, self.extra = nn.Embedding(9, 3), Core(), extra

    def forward(self, input_ids, attention_mask=None):
        return self.core(self.embedding(input_ids), extra=self.extra)


class Core(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.GRU(3, 6, batch_first=True)

    def forward(self, embedded, *, extra):
        states = self.layer(input=embedded)[0]
        return Output(a=states, b=states) if extra else Output(last_hidden_state=states, other=states[:, -1])


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("by", ["mask", "lengths"])
def test_mappings_masks_and_padding_on_either_side(side, by):
    model = Wrapped()
    texts = [[1, 2, 3, 4], [5, 6], [7]]
    holes = [[0] * (4 - len(text)) for text in texts]
    ids = np.array([text + hole if side == "right" else hole + text for text, hole in zip(texts, holes, strict=True)])
    options = {"lengths": [4, 2, 1], "padding": side} if by == "lengths" else {}
    inputs = {"input_ids": ids} | ({"attention_mask": (ids > 0).astype(int)} if by == "mask" else {})
    for module in ("core.layer", "core", ""):
        layout = {} if module == "core.layer" else {"batch_first": True}
        found = collect_hidden(model, inputs, module=module, **options, **layout)
        everything = model.core.layer(model.embedding(torch.as_tensor(ids)))[0].detach().numpy()
        for item, states, row in zip(found, everything, ids, strict=True):
            np.testing.assert_allclose(item, states[row > 0], atol=1e-6)
    if by == "mask":
        (batch,) = iterate_hidden(model, [inputs])
        np.testing.assert_allclose(batch[1], found[1])


def test_masks_and_mappings_that_say_too_little():
    model, ids = Wrapped(), np.array([[1, 2, 3], [1, 0, 3]])
    with pytest.raises(ValueError, match=r"attention_mask of shape \(2, 3\) must mark one piece"):
        collect_hidden(model, {"input_ids": ids, "attention_mask": (ids > 0).astype(int)})
    with pytest.raises(ValueError, match=r"core must return states .* got Output of \['a', 'b'\]"):
        collect_hidden(Wrapped(extra=True), {"input_ids": ids}, module="core", batch_first=True)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_models_of_other_precision(dtype, x):
    model = Looped(nn.GRUCell)
    wanted = collect_hidden(model, x)
    states = collect_hidden(model.to(dtype), x)
    assert states[0].dtype == (np.float64 if dtype == torch.float64 else np.float32)
    np.testing.assert_allclose(states[0], wanted[0], atol=3e-2 if dtype != torch.float64 else 1e-6)
    assert np.isfinite(Koopman().fit(states).operator_).all()


def test_lists_of_sequences_are_run_without_padding(x):
    sequences = [item[:n] for item, n in zip(x, LENGTHS, strict=True)]
    ragged = np.empty(4, dtype=object)
    ragged[:] = sequences
    for model in (Looped(nn.GRUCell), Reader(nn.GRU, batch_first=True), Reader(nn.GRU)):
        first = getattr(getattr(model, "recurrent", None), "batch_first", True)
        wanted = collect_hidden(model, x if first else x.transpose(1, 0, 2), lengths=LENGTHS)
        for given in (sequences, ragged):
            for one, other in zip(collect_hidden(model, given), wanted, strict=True):
                np.testing.assert_allclose(one, other, atol=1e-6)
    with pytest.raises(ValueError, match="leave out lengths"):
        collect_hidden(model, sequences, lengths=LENGTHS)
    texts = [np.array([1, 2, 3]), np.array([4])]
    found = collect_hidden(Wrapped(), texts)
    assert [item.shape for item in found] == [(3, 6), (1, 6)]


@pytest.mark.parametrize("batch_first", [True, False])
def test_the_layout_of_a_transformer_is_read_from_its_attention(batch_first):
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.5, batch_first=batch_first)
    model = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
    x = torch.randn(4, 5, 8)
    given = x if batch_first else x.transpose(0, 1)
    states = collect_hidden(model, given, module="layers.0")
    wanted = model.eval().layers[0](given).detach()
    np.testing.assert_allclose(np.stack(states), wanted if batch_first else wanted.transpose(0, 1), atol=1e-5)


def test_padding_masks_of_a_transformer_do_not_hide_its_layers():
    torch.manual_seed(0)
    model = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2)
    x, mask = torch.randn(4, 7, 8), torch.arange(7) >= torch.tensor(LENGTHS)[:, None]
    states = collect_hidden(model, {"src": x, "src_key_padding_mask": mask}, module="layers.1", lengths=LENGTHS)
    for item, sequence, n in zip(states, x, LENGTHS, strict=True):
        np.testing.assert_allclose(item, model.eval()(sequence[None, :n])[0].detach(), atol=1e-5)
    assert torch.backends.mha.get_fastpath_enabled()


def test_a_layout_that_nobody_says_is_not_guessed(x):
    model = nn.Sequential(nn.Linear(3, 6), nn.Tanh())
    with pytest.raises(ValueError, match=r"nothing in 1 says which axis .* give batch_first=True"):
        collect_hidden(model, x, module="1")
    wanted = model(torch.as_tensor(x)).detach().numpy()
    np.testing.assert_allclose(np.stack(collect_hidden(model, x, module="1", batch_first=True)), wanted, atol=1e-6)
    turned = collect_hidden(model, x, module="1", batch_first=False)
    np.testing.assert_allclose(np.stack(turned), wanted.transpose(1, 0, 2), atol=1e-6)


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(3, 4, batch_first=True)

    def forward(self, x, labels=None):
        return self.gru(x)[0][:, -1]


def test_labels_of_a_loader_are_never_lengths(x):
    loader = DataLoader(TensorDataset(torch.as_tensor(x), torch.tensor([1, 2, 1, 2])), 2)
    with pytest.raises(ValueError, match=r"none of them is called 'lengths' in the model's forward\(x, labels\)"):
        next(iterate_hidden(Classifier(), loader))
    assert [[len(t) for t in batch] for batch in iterate_hidden(Classifier(), loader, lengths=None)] == [[7, 7]] * 2
    assert [[len(t) for t in batch] for batch in iterate_hidden(Classifier(), loader, lengths=1)] == [[1, 2]] * 2
    with pytest.raises(ValueError, match=r"lengths says which input .* or None, got \[1, 2\]"):
        next(iterate_hidden(Classifier(), loader, lengths=[1, 2]))


def test_views_of_any_stride_enter(x):
    model = Looped(nn.GRUCell)
    np.testing.assert_array_equal(collect_hidden(model, x[:, ::-1])[0], collect_hidden(model, x[:, ::-1].copy())[0])
