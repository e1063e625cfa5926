"""Classifiers on points whose classes are known."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

from skinnet_keras.classical.block_scaler import BlockScaler
from skinnet_keras.classical.calibrated_svm import (
    CalibratedSVC,
    class_scores,
    support_vector_machine,
)
from skinnet_keras.classical.classifiers import (
    TrainingImages,
    build_preprocessing,
    class_probabilities,
    fit_classifier,
    grid_points,
)
from skinnet_keras.classical.weighted_neighbors import WeightedKNeighborsClassifier
from skinnet_keras.config import ClassicalClassifierConfig


def clouds(counts=(40, 40, 10), spread=1.0, seed=0):
    """Points around the corners of a triangle, of the classes 0, 2 and 5."""
    rng = np.random.default_rng(seed)
    y = np.repeat([0, 2, 5], counts)
    centres = {0: (0, 0), 2: (3, 0), 5: (0, 3)}
    return np.array([centres[c] for c in y]) + rng.normal(0, spread, (len(y), 2)), y


def log_loss(model, x, y):
    column = np.searchsorted(model.classes_, y)
    return -np.log(model.predict_proba(x)[np.arange(len(y)), column]).mean()


def test_block_scaler_gives_each_block_unit_mean_square():
    x = np.random.default_rng(0).normal(3, 5, (200, 7)).astype("float32")
    x[:, 6] = 0.1  # constant
    scaled = BlockScaler([1, 4, 2]).fit_transform(x)
    squares = (scaled**2).mean(axis=0)
    np.testing.assert_allclose(squares, [1, 0.25, 0.25, 0.25, 0.25, 0.5, 0], atol=1e-6)
    with pytest.raises(ValueError, match="7 columns, the blocks 6"):
        BlockScaler([6]).fit(x)


def test_preprocessing_learns_from_what_it_is_fitted_on_only():
    rng = np.random.default_rng(0)
    train, other = rng.normal(size=(50, 6)), rng.normal(9, 4, (20, 6))
    preprocessing = build_preprocessing([2, 4], 0.9)
    scaled = preprocessing.fit_transform(train)
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-12)
    mean, components = preprocessing["scaler"].mean_.copy(), preprocessing["pca"].components_.copy()
    assert abs(preprocessing.transform(other).mean(axis=0)).max() > 1
    np.testing.assert_array_equal(preprocessing["scaler"].mean_, mean)
    np.testing.assert_array_equal(preprocessing["pca"].components_, components)
    assert preprocessing["pca"].explained_variance_ratio_.sum() >= 0.9


def test_scores_are_sums_of_the_margins_of_pairs():
    x, y = clouds()
    machine = support_vector_machine(x, C=1.0).fit(x, y)
    ab, ac, bc = machine.decision_function(x).T
    np.testing.assert_allclose(class_scores(machine, x), np.stack([ab + ac, bc - ab, -ac - bc], 1))
    assert (machine.classes_[class_scores(machine, x).argmax(axis=1)] == y).mean() > 0.85
    two = support_vector_machine(x, C=1.0).fit(x[y != 5], y[y != 5])
    assert (two.classes_[class_scores(two, x[y != 5]).argmax(axis=1)] == y[y != 5]).mean() > 0.85


def test_gamma_is_in_units_of_scikit_learns_scale():
    x, y = clouds()
    ours = support_vector_machine(x * 7, C=2.0, gamma=1.0).fit(x * 7, y)
    theirs = SVC(C=2.0, gamma="scale", decision_function_shape="ovo").fit(x * 7, y)
    np.testing.assert_allclose(ours.decision_function(x * 7), theirs.decision_function(x * 7))


def test_svm_gives_probabilities_that_hold_on_new_images():
    x, y = clouds((200, 200, 200), spread=2.0)
    new_x, new_y = clouds((2000, 2000, 2000), spread=2.0, seed=9)
    model = CalibratedSVC(kernel="linear").fit(x, y)
    probabilities = model.predict_proba(new_x)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    predicted = model.predict(new_x)
    np.testing.assert_array_equal(predicted, model.classes_[probabilities.argmax(axis=1)])
    # The surest half is right about as often as it says.
    sure = probabilities.max(axis=1) > np.median(probabilities.max(axis=1))
    right = (predicted == new_y)[sure].mean()
    assert right == pytest.approx(probabilities.max(axis=1)[sure].mean(), abs=0.06)


def test_calibration_keeps_groups_whole():
    """Copies of an image in other folds would make the machine look surer than it is."""
    x, y = clouds((30, 30, 30), spread=4.0)
    copies, labels = np.repeat(x, 4, axis=0), np.repeat(y, 4)
    groups = np.repeat(np.arange(len(x)), 4).astype(str)
    machine = {"C": 1e4, "gamma": 30.0}
    whole = CalibratedSVC(**machine).fit(copies, labels, groups=groups)
    leaking = CalibratedSVC(**machine).fit(copies, labels)
    new_x, new_y = clouds((300, 300, 300), spread=4.0, seed=1)
    assert log_loss(whole, new_x, new_y) < log_loss(leaking, new_x, new_y) - 0.2


def test_a_class_in_one_group_leaves_the_calibration_sound():
    x, y = clouds((40, 40, 3))
    groups = np.where(y == 5, "alone", np.arange(len(y)).astype(str))
    model = CalibratedSVC().fit(x, y, groups=groups)
    assert (model.predict(x) == y).mean() > 0.9
    assert model.predict_proba(x[y == 5])[:, 2].mean() > 0.2
    two = CalibratedSVC().fit(x[y != 5], y[y != 5])
    assert two.predict_proba(x).shape == (len(x), 2)
    assert (two.predict(x[y != 5]) == y[y != 5]).mean() > 0.9


@pytest.mark.parametrize("weights", ["uniform", "distance"])
def test_neighbours_without_weights_are_those_of_scikit_learn(weights):
    x, y = clouds()
    new, _ = clouds(seed=1)
    new[0] = x[0]  # at distance 0
    ours = WeightedKNeighborsClassifier(7, weights=weights).fit(x, y)
    theirs = KNeighborsClassifier(7, weights=weights).fit(x, y)
    np.testing.assert_allclose(ours.predict_proba(new), theirs.predict_proba(new))
    np.testing.assert_array_equal(ours.predict(new), theirs.predict(new))


def test_votes_of_neighbours_are_weighted():
    x = np.array([[0.0], [1.0], [2.0], [9.0]])
    model = WeightedKNeighborsClassifier(3).fit(x, [0, 0, 1, 1], sample_weight=[1, 1, 3, 3])
    np.testing.assert_allclose(model.predict_proba([[0.5]]), [[0.4, 0.6]])
    everyone = WeightedKNeighborsClassifier(50).fit(x, [0, 0, 1, 1])
    np.testing.assert_allclose(everyone.predict_proba([[0.5]]), [[0.5, 0.5]])


def test_grid_is_the_product_of_the_lists():
    assert grid_points(ClassicalClassifierConfig(name="svm", C=[1, 2], gamma=[3])) == [
        {"C": 1, "gamma": 3},
        {"C": 2, "gamma": 3},
    ]
    linear = ClassicalClassifierConfig(name="svm", kernel="linear", C=[1, 2])
    assert grid_points(linear) == [{"C": 1}, {"C": 2}]
    mlp = ClassicalClassifierConfig(
        name="mlp", hidden_layer_sizes=[[8], [8, 4]], alpha=[0], max_iter=[5]
    )
    assert [p["hidden_layer_sizes"] for p in grid_points(mlp)] == [[8], [8, 4]]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", ["svm", "knn", "mlp"])
def test_every_classifier_learns_heeds_weights_and_repeats_itself(name):
    x, y = clouds((300, 300, 20), spread=1.6)
    new_x, new_y = clouds((100, 100, 100), spread=1.6, seed=4)
    config = ClassicalClassifierConfig(name=name)
    point = {
        "svm": {"C": 1.0, "gamma": 1.0},
        "knn": {"n_neighbors": 15, "weights": "uniform"},
        "mlp": {"hidden_layer_sizes": [16], "alpha": 1e-3, "max_iter": 200},
    }[name]

    def recalls_and_answer(weight):
        weights = np.where(y == 5, weight, 1.0)
        train = TrainingImages(x, y, weights, np.arange(len(y)).astype(str))
        model = fit_classifier(config, point, train, seed=3, calibrate=True)
        probabilities = class_probabilities(model, new_x, 8)
        predicted = probabilities.argmax(axis=1)
        return {c: (predicted[new_y == c] == c).mean() for c in (0, 2, 5)}, probabilities

    plain, probabilities = recalls_and_answer(1.0)
    weighted, _ = recalls_and_answer(10.0)
    assert plain[0] > 0.7
    assert plain[2] > 0.7
    assert weighted[5] > plain[5] + 0.1
    np.testing.assert_array_equal(recalls_and_answer(1.0)[1], probabilities)
    assert probabilities.shape == (300, 8)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert not probabilities[:, [1, 3, 4, 6, 7]].any()  # classes it has never seen
