"""Data made here: what is promised of it holds, and a seed gives it again."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from linearlens.datasets import copy_task, generate_heartbeats, generate_reviews
from linearlens.datasets.copy_task import BLANK, GO, N_SYMBOLS
from linearlens.datasets.heartbeats import WAVES
from linearlens.datasets.reviews import AMPLIFIERS, NEGATIVE, NEGATORS, POSITIVE, VALENCE, effects, mark_reviews


@pytest.mark.parametrize(("length", "delay"), [(1, 1), (5, 20), (3, 2)])
def test_copy_task_shows_waits_and_asks(length, delay):
    inputs, symbols = copy_task(50, length=length, delay=delay, seed=1)
    assert inputs.shape == (50, 2 * length + delay, N_SYMBOLS + 2)
    assert inputs.dtype == np.float32
    assert symbols.shape == (50, length)
    np.testing.assert_array_equal(inputs.sum(axis=2), 1)
    shown = inputs.argmax(axis=2)
    np.testing.assert_array_equal(shown[:, :length], symbols)
    np.testing.assert_array_equal(np.argwhere(shown == GO)[:, 1], length + delay - 1)
    np.testing.assert_array_equal(shown[:, length : length + delay - 1], BLANK)
    np.testing.assert_array_equal(shown[:, length + delay :], BLANK)


def test_copy_task_cannot_be_guessed_and_repeats_by_seed():
    inputs, symbols = copy_task(4000, length=3, delay=2, seed=0)
    shares = np.bincount(symbols.ravel(), minlength=N_SYMBOLS) / symbols.size
    assert abs(shares - 1 / N_SYMBOLS).max() < 0.015
    for one, other in ((0, 1), (1, 2)):
        assert abs(np.mean(symbols[:, one] == symbols[:, other]) - 1 / N_SYMBOLS) < 0.025
    again = copy_task(4000, length=3, delay=2, seed=np.random.default_rng(0))
    np.testing.assert_array_equal(again[0], inputs)
    assert not np.array_equal(copy_task(4000, length=3, delay=2, seed=1)[1], symbols)
    with pytest.raises(ValueError, match="need n_sequences, length and delay of 1 or more, got 4, 1 and 0"):
        copy_task(4, length=1, delay=0)


def test_words_have_one_meaning():
    kinds = [set(VALENCE), set(NEGATORS), set(AMPLIFIERS)]
    assert sum(map(len, kinds)) == len(set().union(*kinds))
    assert len(VALENCE) == sum(len(words) for part in (POSITIVE, NEGATIVE) for words in part.values())
    assert all(VALENCE[word] == grade for grade, words in POSITIVE.items() for word in words)
    assert all(VALENCE[word] == -grade for grade, words in NEGATIVE.items() for word in words)


@pytest.mark.parametrize(
    ("text", "sums"),
    [
        ("the plot was good .", 1),
        ("the plot was superb .", 2),
        ("the plot was very superb .", 4),
        ("the plot was not good .", -1),
        ("the plot was never extremely awful .", 4),
        ("not very good", -2),
        ("very good", 2),
        ("good not", 1),
        ("not the good", 1),
    ],
)
def test_negation_turns_and_amplifiers_double(text, sums):
    effect = effects(text.split())
    assert effect.sum() == sums
    assert np.flatnonzero(effect).tolist() == [place for place, word in enumerate(text.split()) if word in VALENCE]


def test_reviews_are_marked_by_their_own_grammar():
    marked = mark_reviews(400, seed=3)
    n_negated = n_amplified = n_adjectives = 0
    for review in marked:
        clauses = " ".join(review.words).split(" .")[:-1]
        assert 2 <= len(clauses) <= 8
        total = 0
        for clause in clauses:  # the effects once more, read from the clause as a whole
            words = clause.split()
            negated, amplified = bool({*words} & {*NEGATORS}), bool({*words} & {*AMPLIFIERS})
            total += VALENCE[words[-1]] * (2 if amplified else 1) * (-1 if negated else 1)
            n_adjectives, n_negated, n_amplified = n_adjectives + 1, n_negated + negated, n_amplified + amplified
        assert total == review.effect.sum() != 0
        assert review.label == (total > 0)
        np.testing.assert_array_equal(effects(review.words), review.effect)
    assert abs(n_negated / n_adjectives - 0.2) < 0.03
    assert abs(n_amplified / n_adjectives - 0.25) < 0.03


def test_a_corpus_repeats_by_seed_is_balanced_and_hardly_overlaps():
    data = generate_reviews(n_train=2000, n_test=500, seed=0)
    assert (len(data.train_texts), len(data.test_texts)) == (2000, 500)
    again = generate_reviews(n_train=2000, n_test=500, seed=0)
    assert again.train_texts == data.train_texts
    np.testing.assert_array_equal(again.test_labels, data.test_labels)
    assert generate_reviews(n_train=20, n_test=5, seed=1).train_texts != data.train_texts[:20]
    labels = np.concatenate([data.train_labels, data.test_labels])
    assert abs(labels.mean() - 0.5) < 0.04
    assert data.test_labels.tolist() == [int(effects(text).sum() > 0) for text in data.test_texts]
    # The shortest texts come from over 10^9 (two clauses of 8 · 22 · 7 · 40 plain forms each): none comes twice.
    seen = set(map(tuple, data.train_texts))
    assert sum(tuple(text) in seen for text in data.test_texts) == 0
    with pytest.raises(ValueError, match="n_train and n_test of 1 or more, got 0 and 5"):
        generate_reviews(n_train=0, n_test=5)


def test_heartbeats_are_scaled_and_repeat_by_seed():
    beats = generate_heartbeats(n_train=100, n_test=40, seed=0)
    assert [part.shape for part in (beats.train, beats.validation, beats.normal, beats.anomalous)] == [
        (100, 140), (20, 140), (40, 140), (40, 140)]  # fmt: skip
    for part in (beats.train, beats.validation, beats.normal, beats.anomalous):
        assert part.dtype == np.float32
        np.testing.assert_allclose(part.mean(axis=1), 0, atol=1e-5)
        np.testing.assert_allclose(part.std(axis=1), 1, atol=1e-5)
    assert beats.severity.shape == (40,)
    assert 0 < beats.severity.min() < beats.severity.max() <= 1
    np.testing.assert_array_equal(generate_heartbeats(n_train=100, n_test=40, seed=0).anomalous, beats.anomalous)
    assert not np.array_equal(generate_heartbeats(n_train=100, n_test=40, seed=1).train, beats.train)
    with pytest.raises(ValueError, match="n_train and n_test of 1 or more, got 5 and 0"):
        generate_heartbeats(n_train=5, n_test=0)


def test_a_wave_that_is_moved_moves_in_the_beats():
    moved = WAVES.copy()
    moved[3, 1] = 94
    usual, other = (
        generate_heartbeats(n_train=200, n_test=1, waves=waves).train.mean(axis=0) for waves in (WAVES, moved)
    )
    assert abs(usual[85:118].argmax() + 85 - WAVES[3, 1]) <= 2
    assert abs(other[85:118].argmax() + 85 - 94) <= 2
    for bad in (WAVES[:5], np.full((6, 3), np.nan), WAVES * [1, 1, 0]):
        with pytest.raises(ValueError, match="waves must be 6 of height, centre and width above 0"):
            generate_heartbeats(n_train=5, n_test=1, waves=bad)


def test_anomalies_are_graded_from_mild_to_plain():
    beats = generate_heartbeats(n_train=1000, n_test=600, seed=0)
    median = np.median(beats.train, axis=0)
    normal, anomalous = (((part - median) ** 2).sum(axis=1) for part in (beats.normal, beats.anomalous))
    areas = []
    for third in np.array_split(np.argsort(beats.severity), 3):
        truth = np.repeat([0, 1], [len(normal), len(third)])
        areas.append(roc_auc_score(truth, np.concatenate([normal, anomalous[third]])))
    assert 0.6 < areas[0] < 0.95
    assert areas == sorted(areas)
    assert areas[2] > 0.95
