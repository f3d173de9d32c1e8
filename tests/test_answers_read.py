"""What checks of exercises share: sensible forms are read, all others meet a sentence, as borrowed functions do."""

import statistics
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import torch

from linearlens.exercises import as_array, as_number, as_object, as_parts, as_word, as_words, by_hand, returning


@pytest.mark.parametrize(
    "value",
    [
        0.5,
        np.float32(0.5),
        np.array(0.5),
        [0.5],
        np.array([[0.5]]),
        torch.tensor([0.5], requires_grad=True),
        Fraction(1, 2),
    ],
)
def test_one_number_may_come_in_many_forms(value):
    assert as_number(value) == 0.5
    assert type(as_number(value)) is float


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (None, "put a number in place of None: x"),
        ("45", "x should be one number, not '45'"),
        (True, "x should be one number, not True"),
        ([1, 2], r"x should be one number, not \[1, 2\]"),
        ([], "x should be one number"),
        ({1}, "x should be one number"),
        (np.zeros(9), r"not an array of shape \(9,\)"),
        (len, "not a function"),
        (float("nan"), "x should be a finite number, not nan"),
        ("a" * 99, "not 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…"),
    ],
)
def test_what_is_no_number_meets_a_sentence(value, says):
    with pytest.raises(AssertionError, match=says):
        as_number(value, "x")


@pytest.mark.parametrize(
    "value",
    [
        [[1, 2], [3, 4]],
        ([1, 2], (3, 4)),
        np.array([[1, 2], [3, 4]], dtype=np.float32),
        torch.tensor([[1.0, 2], [3, 4]], requires_grad=True),
        [torch.tensor([1, 2]), np.array([3, 4])],
        pd.DataFrame({"a": [1, 3], "b": [2, 4]}),
    ],
)
def test_an_array_may_come_in_many_forms(value):
    assert np.array_equal(as_array(value, shape=(2, None)), [[1, 2], [3, 4]])


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (None, "put an array in place of None: x"),
        ([[1], [2, 3]], "x should be an array of numbers"),
        ([None], "x should be an array of numbers"),
        ("some", "x should be an array of numbers, not 'some'"),
        ({"a": 1}, "x should be an array of numbers"),
        ([1, 2, 3], r"x should have the shape \(2,\), not \(3,\)"),
        ([[1, 2]], r"x should have the shape \(2,\), not \(1, 2\)"),
        ([1, np.inf], "x should be of finite numbers"),
    ],
)
def test_what_is_no_such_array_meets_a_sentence(value, says):
    with pytest.raises(AssertionError, match=says):
        as_array(value, "x", shape=(2,))


def test_complex_numbers_and_infinity_pass_where_they_may():
    assert as_array([1j, 2]).dtype == complex
    assert as_number(1j) == 1j
    assert np.isneginf(as_array([-np.inf, 0], finite=False)[0])


def test_parts_are_as_many_as_asked_for():
    assert as_parts((1, "a"), 2) == [1, "a"]
    assert len(as_parts(np.zeros((2, 3)), 2)) == 2
    for value, came in ((1,), "1"), ("ab", "'ab'"), ({1, 2}, "{1, 2}"), (3, "3"), (complex, "a function"):
        with pytest.raises(AssertionError, match=f"x should be 2 things, not {came}$"):
            as_parts(value, 2, "x")
    with pytest.raises(AssertionError, match="put 2 things in place of None"):
        as_parts(None, 2, "x")


def test_words_may_come_in_any_form_and_case():
    assert as_word(" Outwards ", ("outwards", "inwards")) == "outwards"
    for value in (["b", "W*x"], ("b", "W * x"), np.array(["b", "W * x"])):
        assert as_words(value, ["W", "b", "W * x"]) == ["b", "W * x"]
    assert set(as_words(frozenset({"b", "W"}), ["W", "b"])) == {"W", "b"}
    for value in ("b", [1], {"b": 1}, 3.0):
        with pytest.raises(AssertionError, match="x should be a list or a set of words"):
            as_words(value, name="x")
    with pytest.raises(AssertionError, match="x: spell each as one of 'W', 'b', not 'c'"):
        as_words(["c"], ["W", "b"], "x")
    for value in ("up", 3, ["inwards"]):
        with pytest.raises(AssertionError, match="x should be one of 'outwards', 'inwards'"):
            as_word(value, ("outwards", "inwards"), "x")


def test_an_object_is_known_by_what_it_has():
    assert as_object([], "append") == []
    for value in (3, list):
        with pytest.raises(AssertionError, match="x should be an object with append"):
            as_object(value, "append", name="x")


def test_results_of_a_function_are_read():
    def half(x):
        """Halve."""
        return [x / 2]

    read = returning(half, as_number)
    assert read(3) == 1.5
    assert read.__doc__ == "Halve."
    with pytest.raises(AssertionError, match="what half returns should have the shape"):
        returning(half, as_array, shape=(2,))(3)
    with pytest.raises(AssertionError, match="f should be a function, not 3"):
        returning(3, as_number, name="f")
    with pytest.raises(AssertionError, match="put a function in place of None: f"):
        returning(None, as_number, name="f")


def borrowed(values):
    return sum(values)


def test_borrowed_functions_are_refused_however_deep_and_only_within():
    def mean(values):
        return statistics.mean(values)

    for lent in ("statistics", statistics, statistics.mean):
        with pytest.raises(AssertionError, match=r"mean calls (statistics\.)?mean: write it yourself"):
            returning(mean, as_number, without=(lent,))([1, 2])
    with pytest.raises(AssertionError, match="this calls borrowed: write it yourself"), by_hand(borrowed):
        borrowed([1])
    with pytest.raises(AssertionError, match="this calls fit"), by_hand(Lent):
        Lent().fit()

    def sly(values):
        try:
            return statistics.mean(values)
        except Exception:
            return 0

    with pytest.raises(AssertionError, match=r"this calls statistics\.mean: write it yourself"), by_hand("statistics"):
        sly([1])
    assert mean([1, 3]) == 2
    assert returning(mean, as_number, without=("torch",))([1, 3]) == 2


class Lent:
    def fit(self):
        return self
