"""States collected from recurrent networks, against loops over single cells."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from linearlens.koopman import Koopman
from linearlens.models import GRUClassifier, ModReLURNN, mlp, pad_texts
from linearlens.snapshots import collect_hidden, collect_layers, iterate_hidden, run_from

LENGTHS = [4, 7, 1, 5]
CELLS = {nn.RNN: nn.RNNCell, nn.GRU: nn.GRUCell, nn.LSTM: nn.LSTMCell}


class Reader(nn.Module):
    """A recurrent part that gets its input padded, or packs it, and a readout of the last step."""

    def __init__(self, kind, *, pack=False, **options):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(3)
            self.recurrent = kind(3, 6, **options)
            self.readout = nn.Linear(6, 2)
        self.pack = pack

    def forward(self, inputs, lengths=None):
        if self.pack:
            first = self.recurrent.batch_first
            inputs = pack_padded_sequence(inputs, lengths, batch_first=first, enforce_sorted=False)
        outputs, _ = self.recurrent(inputs)
        return self.readout((outputs.data if self.pack else outputs)[-1])


@pytest.fixture
def inputs():
    """Padded sequences of LENGTHS, batch first; what stands in the padding is not 0."""
    return np.random.default_rng(0).normal(size=(4, 7, 3))


def cell_of(part, layer):
    """The single cell with the weights of one layer."""
    end = f"_l{layer}"
    weights = {name.removesuffix(end): tensor for name, tensor in part.named_parameters() if name.endswith(end)}
    cell = CELLS[type(part)](weights["weight_ih"].shape[1], part.hidden_size)
    cell.load_state_dict(weights)
    return cell


@torch.no_grad()
def slow_states(part, sequence):
    """States after each step of one sequence, layer by layer: (h of the last layer, [h of all, c of all])."""
    below, all_h, all_c = torch.tensor(sequence, dtype=torch.float32), [], []
    for layer in range(part.num_layers):
        cell, state, h, c = cell_of(part, layer), None, [], []
        for step in below:
            state = cell(step[None], state)
            h.append(state[0][0] if isinstance(part, nn.LSTM) else state[0])
            c.append(state[1][0] if isinstance(part, nn.LSTM) else state[0])
        below = torch.stack(h)
        all_h.append(below)
        all_c.append(torch.stack(c))
    return below.numpy(), torch.cat([*all_h, *all_c], dim=1).numpy()


@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.parametrize("n_layers", [1, 2])
@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("pack", [True, False])
def test_states_are_those_of_a_loop_over_cells(kind, n_layers, batch_first, pack, inputs):
    dropout = 0.5 if n_layers > 1 else 0.0  # eval mode must switch it off
    model = Reader(kind, pack=pack, num_layers=n_layers, batch_first=batch_first, dropout=dropout).train()
    given = inputs if batch_first else inputs.transpose(1, 0, 2)
    arguments = (given, torch.tensor(LENGTHS)) if pack else (given,)
    options = {} if pack else {"lengths": LENGTHS}
    slow = [slow_states(model.recurrent, item[:n]) for item, n in zip(inputs, LENGTHS, strict=True)]
    asked = [{}, {"full": True}] if kind is nn.LSTM else [{}]
    for number, full in enumerate(asked):
        states = collect_hidden(model, *arguments, **options, **full)
        assert [len(item) for item in states] == LENGTHS
        for item, pair in zip(states, slow, strict=True):
            np.testing.assert_allclose(item, pair[number], atol=1e-6)
        begun = collect_hidden(model, *arguments, **options, **full, initial=True)
        for item, later in zip(begun, states, strict=True):
            np.testing.assert_array_equal(item, np.concatenate([np.zeros((1, item.shape[1])), later]))
    assert all(part.training for part in model.modules())


@pytest.mark.parametrize("pack", [True, False])
def test_padding_never_enters(pack, inputs):
    model = Reader(nn.GRU, pack=pack, batch_first=True)
    other = inputs.copy()
    for item, length in zip(other, LENGTHS, strict=True):
        item[length:] = 1e3
    found = [collect_hidden(model, x, *([LENGTHS] if pack else []), lengths=LENGTHS) for x in (inputs, other)]
    for one, two in zip(*found, strict=True):
        np.testing.assert_array_equal(one, two)
    assert sum(map(len, found[0])) == sum(LENGTHS)


def test_a_classifier_of_texts_and_a_network_of_its_own(inputs):
    texts = [np.array([1, 2, 3]), np.array([4]), np.array([2, 2])]
    numbers, lengths = pad_texts(texts)
    model = GRUClassifier(5, 3, 6, dropout=0.5)
    states = collect_hidden(model, numbers, lengths, lengths=lengths)
    (from_arrays,) = iterate_hidden(model, [(numbers.numpy(), lengths.numpy())])
    for number, text in enumerate(texts):
        slow, _ = slow_states(model.gru, model.embedding.weight.detach().numpy()[text])
        np.testing.assert_allclose(states[number], slow, atol=1e-6)
        np.testing.assert_array_equal(states[number], from_arrays[number])
    copier = ModReLURNN(3, 6, 2)
    states = collect_hidden(copier, inputs, module="recurrence")
    wanted = copier.recurrence(torch.tensor(inputs, dtype=torch.float32)).detach().numpy()
    np.testing.assert_allclose(np.stack(states), wanted, atol=1e-6)
    with pytest.raises(ValueError, match=r"no nn\.RNN, nn\.GRU or nn\.LSTM; .*module=….*'recurrence'"):
        collect_hidden(copier, inputs)


def test_the_model_is_left_as_it_was_also_after_an_error(inputs):
    model = Reader(nn.GRU, batch_first=True).train()
    model.readout.eval()
    wanted = {name: part.training for name, part in model.named_modules()}
    before = inputs.copy()
    with pytest.raises(RuntimeError):
        collect_hidden(model, inputs[:, :, :2])
    with pytest.raises(ValueError, match="whole numbers"):
        collect_hidden(model, inputs, lengths=np.array(LENGTHS) + 0.5)
    collect_hidden(model, inputs)
    assert {name: part.training for name, part in model.named_modules()} == wanted
    assert not any(part._forward_hooks for part in model.modules())
    assert all(parameter.grad is None for parameter in model.parameters())
    np.testing.assert_array_equal(inputs, before)


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two = nn.GRU(3, 3, batch_first=True), nn.GRU(3, 3, batch_first=True)
        self.never = nn.GRU(3, 3)

    def forward(self, inputs):
        return self.two(self.two(self.one(inputs)[0])[0])


class FromState(nn.Module):
    def __init__(self, start, *, by_name):
        super().__init__()
        self.gru, self.start, self.by_name = nn.GRU(3, 6, batch_first=True), start, by_name

    def forward(self, inputs):
        return self.gru(input=inputs, hx=self.start) if self.by_name else self.gru(inputs, self.start)


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        (Reader(nn.GRU, batch_first=True), {"lengths": [7] * 7}, r"lengths of shape \(7,\) came.*recurrent.*"
         "4 sequences of 7 steps, since batch_first=True; is the batch in the other place"),
        (Reader(nn.GRU), {"lengths": [7] * 4}, r"lengths of shape \(4,\) came.*"
         "7 sequences of 4 steps, since batch_first=False; is the batch in the other place"),
        (Reader(nn.GRU, batch_first=True), {"lengths": [4, 0, 1, 5]}, "sequence 1 has length 0.*between 1 and 7"),
        (Reader(nn.GRU, batch_first=True), {"lengths": [4, 7, 8, 5]}, "sequence 2 has length 8.*between 1 and 7"),
        (Reader(nn.GRU, batch_first=True), {"lengths": [4.0, 7, 1, 5]}, "lengths must be whole numbers, got float64"),
        (Reader(nn.GRU, batch_first=True), {"module": "readout"}, r"readout must return states.*got shape \(2,\)|"
         r"readout must return states of shape \(n_sequences, n_steps, n_features\), got shape \(7, 2\)"),
        (Reader(nn.GRU, batch_first=True), {"module": "gone"}, r"no module named \['gone'\].*'recurrent', 'readout'"),
        (Reader(nn.GRU, batch_first=True), {"module": "readout", "full": True}, "full=True needs .*readout is of type"),
        (Reader(nn.GRU, batch_first=True), {"batch_first": False}, "says batch_first=True, but batch_first=False came"),
        (Reader(nn.GRU, batch_first=True), {"direction": "forward"}, "bidirectional layer, but recurrent is none"),
        (Reader(nn.GRU, batch_first=True), {"direction": "up"}, r"direction of \('forward', 'backward'\), got"),
        (Reader(nn.GRU, batch_first=True), {"padding": "both"}, r"padding is one of \('right', 'left'\)"),
        (nn.GRU(3, 6, 2, batch_first=True, bidirectional=True), {"direction": "forward"}, "forward' and 2 layers"),
        (nn.GRU(3, 6, batch_first=True, bidirectional=True), {"direction": "backward", "lengths": LENGTHS},
         "backward direction of GRU reads the padding first; pack"),
        (nn.GRU(3, 6, batch_first=True, bidirectional=True), {}, "GRU is bidirectional"),
        (nn.LSTM(3, 6, batch_first=True, bidirectional=True), {"full": True}, "LSTM is bidirectional"),
        (nn.Linear(3, 2), {}, r"has no nn\.RNN, nn\.GRU or nn\.LSTM"),
        (Twice(), {}, r"has several: \['one', 'two', 'never'\]"),
        (Twice(), {"module": "two"}, "forward reached two 2 times"),
        (Twice(), {"module": "never"}, "forward reached never never"),
    ],
)  # fmt: skip
def test_requests_that_cannot_be_met(model, options, message, inputs):
    with pytest.raises(ValueError, match=message):
        collect_hidden(model, inputs, **options)
    assert not any(part._forward_hooks for part in model.modules())


@pytest.mark.parametrize("by_name", [True, False])
@pytest.mark.parametrize("full", [True, False])
def test_a_state_given_by_the_model_is_the_one_before_the_first(by_name, full, inputs):
    start = torch.arange(24.0).reshape(1, 4, 6) / 24
    model = FromState(start, by_name=by_name)
    wanted = torch.cat([start[0][:, None], model(torch.tensor(inputs, dtype=torch.float32))[0]], dim=1).detach()
    np.testing.assert_allclose(np.stack(collect_hidden(model, inputs, initial=True, full=full)), wanted, atol=1e-6)


def test_lengths_that_contradict_the_packing_are_refused(inputs):
    model = Reader(nn.GRU, pack=True, batch_first=True)
    with pytest.raises(
        ValueError, match=r"packed sequences of lengths \[4, 7, 1, 5\], but lengths=\[4, 7, 7, 5\] came"
    ):
        collect_hidden(model, inputs, LENGTHS, lengths=[4, 7, 7, 5])


def test_batch_by_batch_gives_the_same_states_and_operator(inputs):
    model = Reader(nn.GRU, batch_first=True)
    long = np.random.default_rng(1).normal(size=(40, 12, 3)).astype(np.float32)
    together = collect_hidden(model, long, initial=True)
    batches = list(iterate_hidden(model, ((long[i : i + 16],) for i in range(0, 40, 16)), initial=True))
    assert [len(batch) for batch in batches] == [16, 16, 8]
    for one, other in zip(together, [item for batch in batches for item in batch], strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
    by_batch = Koopman()
    for batch in batches:
        by_batch.partial_fit(batch)
    np.testing.assert_allclose(by_batch.operator_, Koopman().fit(together).operator_, atol=1e-4)
    assert by_batch.n_pairs_ == 40 * 12
    with pytest.raises(ValueError, match=r"a batch is a tuple of the model's inputs, got ndarray; write \(inputs,\)"):
        next(iterate_hidden(model, [long]))


def test_iterating_takes_lengths_from_the_second_input(inputs):
    model = Reader(nn.GRU, batch_first=True)  # takes lengths, but does not use them
    (found,) = iterate_hidden(model, [(inputs, LENGTHS)])
    assert [len(item) for item in found] == LENGTHS
    (found,) = iterate_hidden(model, [(inputs, LENGTHS)], lengths=None)
    assert [len(item) for item in found] == [7] * 4


def test_activations_in_place_and_dropout_do_not_spoil_layers():
    model = nn.Sequential(nn.Linear(4, 5), nn.ReLU(inplace=True), nn.Dropout(0.5), nn.Linear(5, 5))
    x = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)
    states = collect_layers(model, x, ["0", "1", "3"])
    np.testing.assert_allclose(states[:, 0], model[0](torch.tensor(x)).detach().numpy(), atol=1e-6)
    assert (states[:, 0] < 0).any()
    np.testing.assert_array_equal(states[:, 1], np.maximum(states[:, 0], 0))
    before = states.copy()
    np.testing.assert_allclose(run_from(model, "0", states[:, 0]), states[:, 2], atol=1e-6)
    np.testing.assert_array_equal(states, before)
    assert model.training
    whole = np.arange(8).reshape(2, 4)
    np.testing.assert_array_equal(
        collect_layers(mlp([4, 5, 5]), whole, ["linear1"]), collect_layers(mlp([4, 5, 5]), whole * 1.0, ["linear1"])
    )
