"""What hidden tests use: any form of the right numbers passes, everything else gets a sentence."""

import numpy as np
import pandas as pd
import pytest
import torch

from linearlens.grading import call, checked, numbers, several, student_of
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
        (None, "x is still None"),
        ("45", "should be numbers, got '45', of type str"),
        (["1", "2"], "should be numbers, got an object of type list"),
        ({"a": 1}, "should be numbers, got an object of type dict"),
        ([[1, 2], [3]], "in rows of one length"),
        ([1, 2, 3], r"should be a row of 2 numbers, got shape \(3,\)"),
        (1.0, r"got shape \(\)"),
        ([1, np.nan], "not finite"),
        ([1, 2j], "should be real numbers"),
        (lambda: 1, "got an object of type function"),
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
        (None, "f should be a function, got None"),
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


@pytest.mark.parametrize(("value", "says"), [(3, "got 3, of type int"), ("ab", "'ab'"), ([1], "2 values, got 1")])
def test_several_values_come_together(value, says):
    assert several(np.array([1, 2]), 2) == [1, 2]
    with pytest.raises(AssertionError, match=says):
        several(value, 2)


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
