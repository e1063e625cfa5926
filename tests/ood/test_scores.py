"""Scores on features and logits whose order is known."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.covariance import LedoitWolf
from sklearn.neighbors import NearestNeighbors

from skinnet_keras.ood.scores import FEATURE_SCORES, LOGIT_SCORES, FeatureScores, logit_scores


def test_scores_of_known_logits():
    scores = logit_scores(np.array([[0.0, 0.0], [np.log(3.0), 0.0], [1000.0, 0.0]]))
    assert tuple(scores) == LOGIT_SCORES
    np.testing.assert_allclose(scores["max_probability"], [0.5, 0.75, 1.0])
    np.testing.assert_allclose(scores["max_logit"], [0, np.log(3), 1000])
    np.testing.assert_allclose(scores["energy"], [np.log(2), np.log(4), 1000])


@pytest.fixture
def clusters():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 3], 100)
    centres = np.array([[5.0, 0, 0, 0], [0, 5.0, 0, 0]])
    features = centres[labels // 3] + rng.normal(size=(200, 4)) * [1, 1, 0.2, 0]
    return features, labels


def test_every_score_knows_the_clusters_from_what_is_far_from_both(clusters):
    features, labels = clusters
    score = FeatureScores(features, labels)
    near, far = score(features[::20]), score(np.array([[-8.0, -8.0, 0.0, 0.0]]))
    assert tuple(near) == FEATURE_SCORES
    for name in FEATURE_SCORES:
        assert near[name].shape == (10,)
        assert near[name].min() > far[name].max(), name


def test_against_scikit_learn(clusters):
    features, labels = clusters
    scores = FeatureScores(features, labels)(features + 0.3 * np.array([1, -1, 1, 0]))
    moved = features[:, :3] + 0.3 * np.array([1, -1, 1])  # the fourth has no spread
    means = np.stack([features[labels == k, :3].mean(axis=0) for k in (0, 3)])
    within = LedoitWolf(assume_centered=True).fit(features[:, :3] - means[labels // 3])
    nearest = np.min([LedoitWolf.mahalanobis(within, moved - mean) for mean in means], axis=0)
    np.testing.assert_allclose(scores["mahalanobis"], -nearest, rtol=1e-9)
    known = features[:, :3] / np.linalg.norm(features[:, :3], axis=1, keepdims=True)
    asked = moved / np.linalg.norm(moved, axis=1, keepdims=True)
    distance, _ = NearestNeighbors(n_neighbors=10).fit(known).kneighbors(asked)
    np.testing.assert_allclose(scores["nearest_neighbours"], -distance[:, 9], atol=1e-7)


def test_few_images_and_many_features():
    rng = np.random.default_rng(1)
    score = FeatureScores(rng.normal(size=(6, 40)), np.array([0, 0, 0, 1, 1, 1]))
    found = score(rng.normal(size=(3, 40)))
    assert all(np.isfinite(values).all() for values in found.values())
