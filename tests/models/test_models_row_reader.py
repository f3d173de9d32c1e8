"""The reader of rows against the same recurrence written as a loop."""

from copy import deepcopy

import numpy as np
import pytest
import torch
from torch import nn

from linearlens.credit import components
from linearlens.models import memories, mlp, row_reader


def test_reads_as_a_loop_does() -> None:
    network, images = row_reader(5, 4, 3, n_memory=6, seed=1), torch.rand(7, 20)
    look, keep = network.read1.look, network.read1.keep
    memory = torch.zeros(7, 6)
    for row in images.view(7, 5, 4).unbind(1):
        memory = torch.tanh(look(row) + keep(memory))
    torch.testing.assert_close(network(images), network[5:](memory))


def test_a_state_is_the_memory_and_the_rows_to_come_the_next_one_last() -> None:
    network, images = row_reader(3, 4, 2, n_memory=6), torch.rand(5, 12)
    state = network.read1(images)
    torch.testing.assert_close(state[:, 6:], torch.cat([images[:, 8:], images[:, 4:8]], dim=1))
    torch.testing.assert_close(network.read2(state)[:, 6:], images[:, 8:])
    assert network.read3(network.read2(state)).shape == (5, 6)


def test_to_cut_off_the_end_of_a_state_is_not_to_read_the_row() -> None:
    network, images = row_reader(3, 4, 2, n_memory=6), torch.rand(5, 12)
    state = network.read1(images)
    unread = state[:, : network.read2(state).shape[1]]
    torch.testing.assert_close(unread[:, :6], state[:, :6])
    torch.testing.assert_close(unread[:, 6:], images[:, 8:])


def test_memories_are_those_of_the_loop_after_each_row_in_float64() -> None:
    network, images = row_reader(5, 4, 3, n_memory=6, seed=1), torch.rand(7, 20)
    before = deepcopy(network.state_dict())
    found = memories(network, images.numpy())
    assert found.shape == (7, 5, 6)
    assert found.dtype == np.float64
    assert all(
        torch.equal(value, before[name]) and value.dtype == before[name].dtype
        for name, value in network.state_dict().items()
    )
    look, keep = deepcopy(network.read1.look).double(), deepcopy(network.read1.keep).double()
    memory = torch.zeros(7, 6, dtype=torch.float64)
    for t, row in enumerate(images.double().view(7, 5, 4).unbind(1)):
        memory = torch.tanh(look(row) + keep(memory))
        np.testing.assert_allclose(found[:, t], memory.detach().numpy(), rtol=0, atol=1e-12)


def test_what_has_no_memories_is_told() -> None:
    with pytest.raises(ValueError, match="need a network of row_reader, whose first parts read, got a Sequential"):
        memories(mlp([4, 2]), np.zeros((3, 4)))
    for shape in ((3, 19), (20,), (2, 5, 4)):
        with pytest.raises(ValueError, match=r"5 rows of 4 pixels come in shape \(n_images, 20\), got shape"):
            memories(row_reader(5, 4, 3), np.zeros(shape))


def test_steps_share_weights_and_are_components_of_their_own() -> None:
    network = row_reader(4, 4, 2)
    assert network.read1.keep is network.read4.keep
    assert sum(p.numel() for p in network.parameters()) == 5 * 32 + 32 * 32 + 33 * 24 + 25 * 2
    assert [part.name for part in components(network)] == ["read1", "read2", "read3", "read4", "linear1", "head"]


def test_seeds_leave_the_generator_alone() -> None:
    state = torch.get_rng_state()
    one, two = row_reader(3, 4, 2, seed=5), row_reader(3, 4, 2, seed=5)
    assert torch.equal(torch.get_rng_state(), state)
    torch.testing.assert_close(
        nn.utils.parameters_to_vector(one.parameters()), nn.utils.parameters_to_vector(two.parameters())
    )


def test_one_row_is_told() -> None:
    with pytest.raises(ValueError, match="two rows or more, got 1"):
        row_reader(1, 4, 2)
