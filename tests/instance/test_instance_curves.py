"""Deletion, insertion and changes of class, against one feature at a time."""

import numpy as np
import pytest
import torch

from linearlens.instance import features_to_change, perturbation_curves
from linearlens.models import mlp


@pytest.fixture
def network():
    return mlp([6, 8, 3], seed=2).double().eval()


@pytest.mark.parametrize("step", [1, 2, 4])
def test_curves_are_those_of_one_image_at_a_time(network, step):
    rng = np.random.default_rng(0)
    x, scores = (torch.tensor(rng.normal(size=(5, 6))) for _ in range(2))
    scores[0] = 1.0  # all equal: in the order of the input
    targets = torch.tensor([0, 1, 2, 1, 0])
    curves = perturbation_curves(network, x, scores, targets, step=step, baseline=0.3)
    counts = [*range(0, 6, step), 6]
    deletion, insertion = np.zeros(len(counts)), np.zeros(len(counts))
    for image, score, target in zip(x, scores, targets, strict=True):
        order = sorted(range(6), key=lambda k, score=score: -score[k].item())  # stable
        for number, gone in enumerate(counts):
            without, only = image.clone(), torch.full_like(image, 0.3)
            for k in order[:gone]:
                without[k], only[k] = 0.3, image[k]
            with torch.no_grad():
                deletion[number] += network(without[None]).softmax(1)[0, target].item() / 5
                insertion[number] += network(only[None]).softmax(1)[0, target].item() / 5
    np.testing.assert_allclose(curves.deletion, deletion, atol=1e-12)
    np.testing.assert_allclose(curves.insertion, insertion, atol=1e-12)
    assert curves.deletion[0] == pytest.approx(curves.insertion[-1])
    shares = np.array(counts) / 6  # the last step may be shorter than the others
    np.testing.assert_allclose(curves.shares, shares, atol=1e-15)
    assert curves.deletion_area == pytest.approx(np.trapezoid(deletion, shares))
    assert curves.insertion_area == pytest.approx(np.trapezoid(insertion, shares))


def test_bad_requests(network):
    x, targets = torch.rand(5, 6, dtype=torch.float64), torch.zeros(5, dtype=torch.int64)
    for scores in (x[:, :5], x[:4], x + torch.nan):
        with pytest.raises(ValueError, match=r"one finite score a feature .* for x of shape \(5, 6\)"):
            perturbation_curves(network, x, scores, targets)
    with pytest.raises(ValueError, match=r"targets of shape \(4,\)"):
        perturbation_curves(network, x, x, targets[:4])
    with pytest.raises(ValueError, match="step must be 1 or more, got 0"):
        perturbation_curves(network, x, x, targets, step=0)
    for wrong in (targets.int(), targets.double(), targets - 1, targets + 3):
        with pytest.raises(ValueError, match=r"targets must be int64 class numbers from 0 to 2, got torch\.\w+ from"):
            perturbation_curves(network, x, x, wrong)
    with pytest.raises(ValueError, match="x has entries that are NaN or infinite"):
        perturbation_curves(network, x + torch.nan, x, targets)
    with pytest.raises(ValueError, match=r"model must give logits of shape \(5, n_classes\), got \(5,\)"):
        perturbation_curves(torch.nn.Flatten(0), x[:, :1], x[:, :1], targets)


def test_features_to_change_are_those_of_one_image_at_a_time(network):
    rng = np.random.default_rng(1)
    x, scores = (torch.tensor(rng.normal(size=(40, 6))) for _ in range(2))
    scores[0] = 1.0
    found = features_to_change(network, x, scores, most=4, baseline=0.3)
    assert {1, 5} < {*found.tolist()}, "images of all kinds are among these"
    for image, score, number in zip(x, scores, found.tolist(), strict=True):
        order, left, fewest = sorted(range(6), key=lambda k, score=score: -score[k].item()), image.clone(), 5
        for gone, k in enumerate(order[:4], start=1):
            left[k] = 0.3
            with torch.no_grad():
                if network(left[None]).argmax() != network(image[None]).argmax():
                    fewest = min(fewest, gone)
        assert number == fewest


def test_bad_requests_for_changes(network):
    x = torch.rand(5, 6, dtype=torch.float64)
    with pytest.raises(ValueError, match=r"one finite score a feature for x of shape \(5, 6\)"):
        features_to_change(network, x, x[:4], most=2)
    with pytest.raises(ValueError, match="most must be 1 or more, got 0"):
        features_to_change(network, x, x, most=0)
    with pytest.raises(ValueError, match="x has entries that are NaN or infinite"):
        features_to_change(network, x + torch.nan, x, most=2)
    assert features_to_change(network, x, x, most=9).max() <= 10
