"""Networks that read sequences, and the loop that trains them."""

import itertools

import numpy as np
import pytest
import torch
from torch import nn

from linearlens.models import (
    DiagonalSSM,
    GatedSSM,
    GRUClassifier,
    LayerRNN,
    LSTMAutoencoder,
    ModReLURNN,
    answer_loss,
    mlp,
    pad_texts,
    train,
)

NETWORKS = {
    "ssm": lambda seed: DiagonalSSM([0.9, 0.5 + 0.3j], seed=seed),
    "gated": lambda seed: GatedSSM(2, 5, 2, seed=seed),
    "layer": lambda seed: LayerRNN(nn.GRU, 3, 6, 2, seed=seed),
    "modrelu": lambda seed: ModReLURNN(3, 6, 2, seed=seed),
    "gru": lambda seed: GRUClassifier(9, 3, 6, seed=seed),
    "autoencoder": lambda seed: LSTMAutoencoder(7, 4, seed=seed),
}


@pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)
def test_a_seed_gives_the_same_network_and_leaves_the_global_generator_alone(make):
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    first, again, other = make(1).state_dict(), make(1).state_dict(), make(2).state_dict()
    assert torch.equal(torch.rand(1), expected)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_the_linear_model_has_the_eigenvalues_it_was_given():
    given = [0.99, -0.4, 0.0, 0.9 + 0.3j, 0.2 - 0.7j]
    model = DiagonalSSM(given, n_inputs=2, seed=3)
    wanted = [0.99, -0.4, 0.0, 0.9 + 0.3j, 0.9 - 0.3j, 0.2 - 0.7j, 0.2 + 0.7j]
    transition = model.transition.numpy()
    assert transition.dtype == np.float64
    for found in (np.linalg.eigvals(transition), model.eigenvalues):
        np.testing.assert_allclose(np.sort_complex(found), np.sort_complex(wanted), atol=1e-12)
    np.testing.assert_allclose(transition @ transition.T, transition.T @ transition, atol=1e-12)  # normal
    assert (np.abs(transition) > 1e-6).sum() > 40  # turned: no coordinate stands alone


def test_the_linear_model_follows_its_recursion_with_states_as_rows():
    model = DiagonalSSM([0.9, 0.5 + 0.3j], n_inputs=2, seed=0)
    a, b = model.transition.numpy(), model.input_map.numpy()
    inputs = np.random.default_rng(0).normal(size=(4, 6, 2))
    start = np.random.default_rng(1).normal(size=(4, 3))
    for begin in (np.zeros((4, 3)), start):
        states, slow = model(torch.tensor(inputs), torch.tensor(begin)).numpy(), begin
        for step in range(6):
            slow = slow @ a + inputs[:, step] @ b
            np.testing.assert_allclose(states[:, step], slow, atol=1e-12)
    np.testing.assert_array_equal(
        model(torch.tensor(inputs)).numpy(), model(torch.tensor(inputs), torch.zeros(4, 3, dtype=torch.float64)).numpy()
    )


@torch.no_grad()
def test_orthogonal_recurrence_stays_so_in_training_and_steps_as_it_runs():
    model = ModReLURNN(3, 8, 2, seed=0)
    inputs = torch.randn(5, 9, 3, generator=torch.Generator().manual_seed(0))
    with torch.enable_grad():
        train(model, lambda m, x: m(x).square().mean(), [inputs], epochs=5, batch_size=5, learning_rate=0.05)
    assert model.recurrence.bias.abs().max() > 1e-3
    turn = model.recurrence.turn.weight
    torch.testing.assert_close(turn @ turn.T, torch.eye(8), atol=1e-5, rtol=0)
    states = model.recurrence(inputs)
    state, own = torch.zeros(5, 8), torch.zeros(5, 8)
    for step in range(9):
        state = model.recurrence.step(state, inputs[:, step])
        torch.testing.assert_close(states[:, step], state, atol=1e-6, rtol=0)
        activation = own @ turn.T + inputs[:, step] @ model.recurrence.read.weight.T
        own = activation.sign() * (activation.abs() + model.recurrence.bias).clamp(min=0)
        torch.testing.assert_close(states[:, step], own, atol=1e-5, rtol=0)
    torch.testing.assert_close(model(inputs), model.readout(states))


@torch.no_grad()
def test_padding_does_not_change_what_a_text_is_taken_for():
    model = GRUClassifier(20, 4, 6, seed=0).eval()
    texts = [np.array([1, 2, 3, 4, 5]), np.array([6]), np.array([7, 8, 9])]
    numbers, lengths = pad_texts(texts)
    assert numbers.tolist() == [[1, 2, 3, 4, 5], [6, 0, 0, 0, 0], [7, 8, 9, 0, 0]]
    assert lengths.tolist() == [5, 1, 3]
    alone = torch.cat([model(*pad_texts([text])) for text in texts])
    torch.testing.assert_close(model(numbers, lengths), alone, atol=1e-6, rtol=0)
    for text, length in zip(numbers, lengths, strict=True):
        text[length:] = 19
    torch.testing.assert_close(model(numbers, lengths), alone, atol=1e-6, rtol=0)
    assert alone.shape == (3,)
    assert len(set(alone.tolist())) == 3


def test_long_texts_keep_their_last_words_and_empty_ones_are_refused():
    numbers, lengths = pad_texts([np.array([1, 2, 3, 4]), np.array([5])], longest=3)
    assert numbers.tolist() == [[2, 3, 4], [5, 0, 0]]
    assert lengths.tolist() == [3, 1]
    with pytest.raises(ValueError, match="text 1 has no words; leave it out"):
        pad_texts([np.array([1]), np.array([], dtype=int)])
    for longest in (0, -2):
        with pytest.raises(ValueError, match=f"1 or more, got {longest}; leave it out to keep all"):
            pad_texts([np.array([1, 2])], longest=longest)


@pytest.mark.parametrize("options", [{}, {"n_positions": 0}, {"n_decoder": 5}])
@torch.no_grad()
def test_the_autoencoder_writes_from_its_last_state_alone(options):
    model = LSTMAutoencoder(9, 4, seed=0, **options)
    series = torch.randn(6, 9, generator=torch.Generator().manual_seed(0))
    code = model.encode(series)
    states, _ = model.encoder(series[..., None])
    assert code.shape == (6, 4)
    torch.testing.assert_close(code, states[:, -1])
    assert model(series).shape == (6, 9)
    torch.testing.assert_close(model(series), model.decode(code))
    hidden = options.get("n_decoder", 4)
    assert model.decoder.hidden_size == hidden
    assert model.decoder.input_size == 4 + options.get("n_positions", 24)
    # Without positions the writer's input does not change, so a step is the same map at every time.
    given = torch.cat([code[:, None].expand(-1, 9, -1), model.positions.expand(6, -1, -1)], dim=2)
    assert torch.equal(given[:, 0], given[:, 4]) == (options.get("n_positions") == 0)
    torch.testing.assert_close(model.readout(model.decoder(given)[0])[..., 0], model(series))
    recurrent = model.encoder.weight_hh_l0.reshape(4, 4, 4)
    torch.testing.assert_close(recurrent @ recurrent.transpose(1, 2), torch.eye(4).expand(4, 4, 4), atol=1e-5, rtol=0)


@pytest.mark.parametrize("lengths", [None, np.random.default_rng(0).integers(1, 30, 23)])
@pytest.mark.parametrize("epochs", [1, 3])
def test_an_epoch_sees_each_sample_once(lengths, epochs, monkeypatch):
    monkeypatch.setattr("linearlens.models.training.BUCKET", 3)
    seen = []
    model = mlp([2, 1])

    def loss(given, numbers, x):
        seen.append(numbers.tolist())
        assert given is model
        assert model.training
        assert torch.equal(x[:, 0], numbers.float()), "rows of one sample stay together"
        return model(x / 23).square().mean()

    data = [np.arange(23), np.stack([np.arange(23.0)] * 2, axis=1)]
    train(model, loss, data, epochs=epochs, batch_size=5, learning_rate=1e-3, lengths=lengths, seed=1)
    assert not model.training
    assert len(seen) == 5 * epochs
    rounds = [list(itertools.chain(*seen[i : i + 5])) for i in range(0, len(seen), 5)]
    assert all(sorted(part) == list(range(23)) for part in rounds)
    assert len(set(map(tuple, rounds))) == epochs
    if lengths is not None:
        spread = [np.ptp(lengths[batch]) for batch in seen]
        assert np.mean(spread) < 0.6 * np.ptp(lengths)


def test_training_repeats_by_seed_with_dropout_and_spares_the_global_generator():
    x = torch.randn(40, 4, generator=torch.Generator().manual_seed(0))

    def run(seed):
        model = nn.Sequential(mlp([4, 8, 8], seed=0), nn.Dropout(0.5), mlp([8, 1], seed=1))
        train(model, lambda m, x: (m(x)[:, 0] - x[:, 0]).square().mean(), [x], epochs=3, batch_size=8,
              learning_rate=1e-2, clip=1.0, seed=seed)  # fmt: skip
        return torch.cat([parameter.detach().ravel() for parameter in model.parameters()])

    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    first = run(0)
    assert torch.equal(torch.rand(1), expected)
    assert torch.equal(run(0), first)
    assert not torch.equal(run(1), first)


def test_a_loss_that_is_lost_and_bad_arguments():
    model = mlp([2, 1])
    options = {"epochs": 2, "batch_size": 3, "learning_rate": 1e-3}
    values = iter([1.0, 1.0, 1.0, float("nan")])
    data = [torch.ones(6, 2)]

    def loss(model, x):
        return model(x).mean() * next(values)

    with pytest.raises(RuntimeError, match="the loss is nan in step 3 of 4; lower learning_rate or set clip"):
        train(model, loss, data, **options)
    assert not model.training
    for bad in ({"epochs": 0}, {"batch_size": 0}, {"learning_rate": 0.0}, {"learning_rate": -1.0}):
        ((name, value),) = bad.items()
        with pytest.raises(ValueError, match=f"need at least one sample.*{name}={value}"):
            train(model, loss, data, **{**options, **bad})
    with pytest.raises(ValueError, match="n_samples=0"):
        train(model, loss, [torch.ones(0, 2)], **options)
    assert train(model, lambda m, x: m(x).mean(), data, epochs=1, batch_size=9, learning_rate=1e-3) is model


def test_data_that_are_no_arrays_of_one_length_are_refused():
    def refused(data, match):
        with pytest.raises(ValueError, match=f"a sequence of arrays with one row a sample.*{match}"):
            train(mlp([2, 1]), lambda m, x: m(x).mean(), data, epochs=1, batch_size=2, learning_rate=1e-3)

    refused(np.ones((4, 2)), r"got one array of shapes \[\(4, 2\)\]")
    refused(torch.ones(4, 2), "got one array")
    refused([], "got 0 arrays")
    refused([np.ones((4, 2)), np.ones(3)], r"got 2 arrays of shapes \[\(4, 2\), \(3,\)\]")
    refused([np.ones((4, 2)), 1.0], "got 2 arrays")


@pytest.mark.parametrize("lengths", [[1, 2, 3], [[1], [2], [3], [4]], [1, 2, 0, 4], [1, 2, np.nan, 4], list("abcd")])
def test_lengths_that_are_not_one_number_a_sample_are_refused(lengths):
    lengths, options = np.array(lengths), {"epochs": 1, "batch_size": 2, "learning_rate": 1e-3}
    with pytest.raises(ValueError, match=r"numbers above 0, one a sample, shape \(4,\), got shape"):
        train(mlp([2, 1]), lambda m, x: m(x).mean(), [np.ones((4, 2))], lengths=lengths, **options)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_batches_come_in_the_precision_of_the_model_and_whole_numbers_as_int64(dtype):
    data = [np.ones((4, 2)), torch.ones(4), np.arange(4, dtype=np.uint8)]
    before = [torch.as_tensor(array).clone() for array in data]

    def loss(model, x, y, number):
        assert (x.dtype, y.dtype, number.dtype) == (dtype, dtype, torch.int64)
        x.zero_()  # a batch is a copy
        return (model(x)[:, 0] - y).mean()

    train(mlp([2, 1]).to(dtype), loss, data, epochs=1, batch_size=4, learning_rate=1e-3)
    for array, old in zip(data, before, strict=True):
        assert torch.equal(torch.as_tensor(array), old)


@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU, nn.LSTM])
def test_a_step_of_a_layer_is_the_step_that_torch_takes(kind):
    network = LayerRNN(kind, 3, 5, 2, seed=1)
    inputs = torch.randn(4, 6, 3, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        state = torch.zeros(4, 10 if kind is nn.LSTM else 5)
        for step in range(6):
            state = network.step(state, inputs[:, step])
        torch.testing.assert_close(state[:, :5], network.recurrence(inputs)[0][:, -1])
        if kind is nn.LSTM:
            torch.testing.assert_close(state[:, 5:], network.recurrence(inputs)[1][1][0])


def test_a_gated_model_multiplies_each_number_by_what_its_input_chooses():
    network = GatedSSM(1, 1, 2, lowest=-1.0)
    with torch.no_grad():  # a(1) = -1, a(0) = 1, b(x) = x: parity
        network.recurrence.gate.weight[:], network.recurrence.gate.bias[:] = -200.0, 100.0
        network.recurrence.write.weight[:], network.recurrence.write.bias[:] = 1.0, 0.0
        bits = torch.tensor([[1.0, 0, 1, 1, 0, 1]])[..., None]
        torch.testing.assert_close(network.recurrence.eigenvalues(bits).ravel(), torch.tensor([-1.0, 1, -1, -1, 1, -1]))
        torch.testing.assert_close(network.recurrence(bits).ravel(), torch.tensor([1.0, 1, 0, 1, 1, 0]))
        assert GatedSSM(1, 9, 2, lowest=0.0).recurrence.eigenvalues(bits).min() >= 0


def test_simulated_states_obey_the_system_and_inputs_have_the_correlation_asked_for():
    system, rng = DiagonalSSM([0.9, 0.5 + 0.3j], n_inputs=2), np.random.default_rng(0)
    states, inputs = system.simulate(4000, rng, n_steps=6, correlation=0.8)
    expected = states[:, :-1] @ system.transition.numpy() + inputs[:, 1:] @ system.input_map.numpy()
    np.testing.assert_allclose(states[:, 1:], expected, atol=1e-12)
    now, then = inputs[:, :-1].ravel(), inputs[:, 1:].ravel()
    assert np.corrcoef(now, then)[0, 1] == pytest.approx(0.8, abs=0.02)
    assert inputs.std() == pytest.approx(1, abs=0.02)
    _, none = system.simulate(3, rng)
    assert none.shape == (3, 10, 2)
    assert not none.any()


def test_the_answer_loss_is_that_of_the_last_steps_alone():
    logits = torch.randn(2, 7, 4, generator=torch.Generator().manual_seed(0))
    symbols = torch.tensor([[0, 3], [1, 2]])
    by_hand = [-torch.log_softmax(logits[n, 5 + k], 0)[symbols[n, k]] for n in range(2) for k in range(2)]
    torch.testing.assert_close(answer_loss(lambda _: logits, logits, symbols), torch.stack(by_hand).mean())


def test_without_its_bias_a_modrelu_network_only_turns_and_the_network_itself_is_left_as_it_was():
    network = ModReLURNN(3, 6, 2)
    network.recurrence.bias.data.fill_(0.3)
    state, blank = torch.randn(5, 6, generator=torch.Generator().manual_seed(0)), torch.zeros(5, 3)
    with torch.no_grad():
        after = network.without_bias().recurrence.step(state, blank)
    torch.testing.assert_close(after.norm(dim=1), state.norm(dim=1))
    assert (network.recurrence.bias == 0.3).all()
