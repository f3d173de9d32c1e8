"""What hidden tests use: any form of the right numbers passes, everything else gets a sentence."""

import numpy as np
import pandas as pd
import pytest
import torch

from linearlens.grading import call, checked, numbers, student_of
from linearlens.koopman import delay_embed


@pytest.mark.parametrize(
    "value",
    [
        [1.5, 2],
        (1.5, 2),
        np.array([1.5, 2]),
        np.array([1.5, 2], dtype=np.float32),
        torch.tensor([1.5, 2], requires_grad=True),
        pd.Series([1.5, 2]),
        [torch.tensor(1.5), torch.tensor(2.0)],
    ],
)
def test_numbers_are_read_in_any_form(value):
    found = numbers(value, (2,))
    assert found.dtype == float
    assert found.tolist() == [1.5, 2]


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (None, "put an array in place of None: x"),
        (["1", "2"], "x should be an array of numbers, not"),
        ([1, 2, 3], r"x should have the shape \(2,\), not \(3,\)"),
        ([1, 2j], "x should be real numbers"),
    ],
)
def test_what_is_no_number_gets_a_sentence(value, says):
    with pytest.raises(AssertionError, match=says):
        numbers(value, (2,), name="x")


def test_whole_and_complex_numbers_are_asked_for():
    assert numbers([2.0, 3], kind=int).tolist() == [2, 3]
    assert numbers(1j, (), kind=complex) == 1j
    with pytest.raises(AssertionError, match="whole numbers"):
        numbers(2.5, kind=int)


@pytest.mark.parametrize("value", [[True, False], np.array([True, False]), torch.tensor([True, False]), (True, 0.0)])
def test_truth_values_count_as_one_and_zero(value):
    assert numbers(value, (2,), kind=int).tolist() == [1, 0]


def embed(z):
    return delay_embed(z, delays=1)


def hidden(z):
    try:
        return embed(z)
    except Exception:
        return z


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (None, "put a function in place of None: f"),
        (3, "f should be a function, not 3"),
        (lambda z: None, "f returns nothing"),
        (lambda z: z.nothing, "f stops with AttributeError"),
        (lambda: 1, "f stops with TypeError"),
        (embed, "f calls linearlens.koopman._delays.delay_embed: write it yourself"),
        (hidden, "f calls linearlens.koopman"),
    ],
)
def test_a_function_is_called_and_what_is_wrong_is_said(function, says):
    with pytest.raises(AssertionError, match=says):
        call(function, np.ones((3, 1)), name="f")


def test_a_call_may_spoil_nothing_and_what_is_allowed_is():
    z = np.ones((3, 1))
    assert call(lambda z: z.fill(0) or 1, z) == 1
    assert z.sum() == 3
    assert call(embed, z, forbidden=("pydmd",)).shape == (2, 2)


def test_a_name_is_that_of_the_folder_where_nbgrader_runs():
    assert student_of("ada", "/x/autograded/ada/01_dmd") == "ada"
    assert student_of("ada", "/home/ada/anywhere") == "ada"
    with pytest.raises(AssertionError, match="not the student's seed: the notebook says 'ben', not 'ada'"):
        student_of("ben", "/x/autograded/ada/01_dmd")
    for nobody in (None, "", " ", 3):
        with pytest.raises(AssertionError, match="says no name"):
            student_of(nobody)

    class Anyone(str):
        def __eq__(self, other):
            return True

        __hash__ = str.__hash__

    with pytest.raises(AssertionError, match="not the student's seed"):
        student_of(Anyone("ben"), "/x/autograded/ada/01_dmd")


def test_whatever_a_test_stops_with_is_one_sentence():
    def stops(error):
        def test():
            raise error

        return test

    for error, says in (
        (ValueError("bad"), "cannot be read: ValueError: bad"),
        (NameError("x", name="x"), "x is not there"),
        (AssertionError("wrong"), "^wrong$"),
        (AssertionError(), "not what was asked for"),
    ):
        with pytest.raises(AssertionError, match=says):
            checked(stops(error))
