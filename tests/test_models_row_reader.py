"""The reader of rows against the same recurrence written as a loop."""

import pytest
import torch
from torch import nn

from linearlens.credit import components
from linearlens.models.row_reader import row_reader


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
