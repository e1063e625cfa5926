from __future__ import annotations

import numpy as np
import pytest

from skinnet_keras.errors import UserError
from skinnet_keras.evaluation.ensembles.ensemble import METHODS, fit_ensemble
from skinnet_keras.evaluation.ensembles.members import AlignedPredictions
from skinnet_keras.evaluation.ensembles.rules import rank_mean, weighted_mean
from skinnet_keras.evaluation.ensembles.weights import (
    balanced_accuracy,
    greedy_selection,
    log_loss,
    log_loss_weights,
)
from skinnet_keras.evaluation.metrics import evaluate_predictions
from skinnet_keras.evaluation.predictions import Predictions
from skinnet_keras.taxonomy import CLASSES

# Two members, three images, two classes; images 0 and 1 are of class 0, image 2 of class 1.
TWO = np.array(
    [
        [[0.9, 0.1], [0.4, 0.6], [0.7, 0.3]],
        [[0.5, 0.5], [0.8, 0.2], [0.1, 0.9]],
    ]
)
TRUE = np.array([0, 0, 1])


def make_members(seed: int, num_members: int = 5, n: int = 200, hard: bool = False):
    """Members of differing skill and confidence, (M, N, 8), and the true classes."""
    rng = np.random.default_rng(seed)
    true = rng.integers(0, 8, n)
    members = []
    for _ in range(num_members):
        logits = rng.normal(size=(n, 8))
        logits[np.arange(n), true] += rng.uniform(0, 2)
        odds = np.exp(logits * rng.uniform(0.3, 4))
        members.append(odds / odds.sum(axis=1, keepdims=True))
    probabilities = np.stack(members)
    return (np.eye(8)[probabilities.argmax(axis=2)] if hard else probabilities), true


def aligned(probabilities: np.ndarray, true: np.ndarray, classes=CLASSES) -> AlignedPredictions:
    ids = [f"image{row}" for row in range(len(true))]
    labels = [classes[k] if k >= 0 else "" for k in true]
    return AlignedPredictions(Predictions(ids, labels, probabilities[0], classes), probabilities)


def test_mean_by_hand():
    expected = [[0.7, 0.3], [0.6, 0.4], [0.4, 0.6]]
    assert weighted_mean(TWO) == pytest.approx(np.array(expected))
    thirds = [[1.9 / 3, 1.1 / 3], [2.0 / 3, 1.0 / 3], [0.9 / 3, 2.1 / 3]]
    assert weighted_mean(TWO, np.array([1, 2])) == pytest.approx(np.array(thirds))


@pytest.mark.parametrize("weights", [[1.0], [1.0, -0.1], [0.0, 0.0], [[1.0, 1.0]]])
def test_weights_that_do_not_serve(weights):
    with pytest.raises(ValueError, match="do not serve 2 members"):
        weighted_mean(TWO, np.array(weights))


def test_rank_mean_by_hand():
    # Class 0, first member: 0.4 < 0.7 < 0.9 stand at 1/6, 3/6, 5/6; second: 0.1 < 0.5 < 0.8.
    # Class 1 is the mirror image, so the ranks of a row sum to 1 already.
    expected = np.array([[(5 + 3) / 12], [(1 + 5) / 12], [(3 + 1) / 12]])
    assert rank_mean(TWO, TWO) == pytest.approx(np.hstack([expected, 1 - expected]))


def test_rank_of_a_new_image_is_its_place_among_the_reference():
    reference = np.array([[[0.2, 0.8], [0.5, 0.5], [0.5, 0.5], [0.9, 0.1]]])
    new = np.array([[[0.5, 0.5], [0.6, 0.4], [0.1, 0.9]]])
    # Ties count half: 1 below and 2 equal of 4; 3 below; none below. Class 1 likewise from above.
    ranks = np.array([[2 / 4, 2 / 4], [3 / 4, 1 / 4], [0, 1]])
    assert rank_mean(new, reference) == pytest.approx(ranks)


def test_rank_mean_rows_are_scaled_to_sum_to_one():
    reference = np.array([[[0.2, 0.8], [0.3, 0.7], [0.6, 0.4], [0.7, 0.3]]])
    # 0.65 is above 3 of 4, 0.5 above 2: 3/5 and 2/5.
    assert rank_mean(np.array([[[0.65, 0.5]]]), reference) == pytest.approx(np.array([[0.6, 0.4]]))
    # Below everything in both classes: nothing speaks for either.
    assert rank_mean(np.array([[[0.1, 0.1]]]), reference) == pytest.approx(np.array([[0.5, 0.5]]))


def test_rank_of_an_image_does_not_depend_on_the_others_scored_with_it():
    members, _ = make_members(0)
    test, _ = make_members(1, n=40)
    together = rank_mean(test, members)
    assert rank_mean(test[:, 7:8], members) == pytest.approx(together[7:8])


def test_rank_mean_sees_only_the_order_of_a_members_scores():
    validation, _ = make_members(2)
    test, _ = make_members(3, n=50)
    before = rank_mean(test, validation)
    for scores in (validation, test):
        scores[1] = scores[1] ** 3 / 7  # monotone; no longer probabilities
    assert rank_mean(test, validation) == pytest.approx(before)
    test[1] = 1 - test[1]
    assert rank_mean(test, validation) != pytest.approx(before)


def test_rank_mean_refuses_a_reference_of_other_members_or_of_no_image():
    for reference in (TWO[:1], TWO[:, :0], TWO[:, :, :1]):
        with pytest.raises(ValueError, match="does not fit"):
            rank_mean(TWO, reference)


def test_greedy_by_hand():
    # Recalls of the first: 1/2 and 0; of the second, whose first row ties and goes to class 0: 1
    # and 1. It starts, and no addition makes it better.
    chosen = greedy_selection(TWO, TRUE, metric="balanced_accuracy", rounds=4)
    assert chosen.weights.tolist() == [0.0, 1.0]
    # Log loss: alone (ln .5 + ln .8 + ln .9) / -3 = 0.341; with the first added (ln .7 + ln .6 +
    # ln .6) / -3 = 0.459.
    assert log_loss(TWO[1], TRUE) == pytest.approx(0.34055, abs=1e-5)
    assert greedy_selection(TWO, TRUE, metric="log_loss", rounds=4).picks == (1,)


def test_greedy_adds_what_corrects_and_counts_repeats():
    # The second member is sure of class 1 everywhere, the first prefers class 0 a little too much.
    members = np.array(
        [
            [[0.9, 0.1], [0.9, 0.1], [0.6, 0.4], [0.7, 0.3]],
            [[0.3, 0.7], [0.3, 0.7], [0.2, 0.8], [0.2, 0.8]],
        ]
    )
    true = np.array([0, 0, 1, 1])
    # Alone both score 0.5 and the first has the smaller log loss; together all four are right.
    assert [balanced_accuracy(member, true) for member in members] == [0.5, 0.5]
    chosen = greedy_selection(members, true, rounds=2)
    assert chosen.picks == (0, 1)
    assert chosen.weights.tolist() == [0.5, 0.5]
    assert balanced_accuracy(weighted_mean(members, chosen.weights), true) == 1.0


def test_greedy_breaks_ties_by_log_loss_then_by_order():
    sure = np.array([[0.9, 0.1], [0.1, 0.9]])
    unsure = np.array([[0.6, 0.4], [0.4, 0.6]])
    true = np.array([0, 1])
    assert greedy_selection(np.stack([unsure, sure]), true, rounds=3).picks == (1,)
    assert greedy_selection(np.stack([sure, sure]), true, rounds=3).picks == (0,)


def test_greedy_returns_the_best_prefix_and_not_the_last_round():
    # Starting from the one good member, every later round is the same member again.
    members = np.array([[[0.9, 0.1], [0.1, 0.9]], [[0.1, 0.9], [0.9, 0.1]]])
    assert greedy_selection(members, np.array([0, 1]), rounds=9).picks == (0,)
    # One of each is right everywhere; a third pick of either tips the scales for one class.
    members = np.array([[[0.9, 0.1], [0.7, 0.3]], [[0.25, 0.75], [0.25, 0.75]]])
    chosen = greedy_selection(members, np.array([0, 1]), rounds=3)
    assert sorted(chosen.picks) == [0, 1]
    for counts in ([2, 1], [1, 2]):
        tipped = weighted_mean(members, np.array(counts))
        assert balanced_accuracy(tipped, np.array([0, 1])) == 0.5


@pytest.mark.parametrize("metric", ["balanced_accuracy", "log_loss"])
@pytest.mark.parametrize("hard", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_greedy_is_never_below_the_best_member(seed, hard, metric):
    members, true = make_members(seed, hard=hard)

    def quality(probabilities):
        if metric == "log_loss":
            return -log_loss(probabilities, true)
        return balanced_accuracy(probabilities, true)

    chosen = greedy_selection(members, true, metric=metric, rounds=12)
    assert quality(weighted_mean(members, chosen.weights)) >= max(map(quality, members))
    assert np.bincount(chosen.picks, minlength=5) / len(chosen.picks) == pytest.approx(
        chosen.weights
    )


def test_greedy_in_one_round_is_the_best_member():
    members, true = make_members(5)
    best = int(np.argmax([balanced_accuracy(member, true) for member in members]))
    assert greedy_selection(members, true, rounds=1).picks == (best,)


@pytest.mark.parametrize("options", [{"metric": "accuracy"}, {"rounds": 0}])
def test_greedy_refuses_unknown_metrics_and_no_rounds(options):
    with pytest.raises(ValueError, match="rounds"):
        greedy_selection(TWO, TRUE, **options)


def test_log_loss_weights_by_hand():
    # 3 images that only the first member knows, 1 that only the second does: the log loss of
    # w on the first is -(3 ln w + ln (1 - w)) / 4, smallest at w = 3/4.
    members = np.array([[[1.0, 0.0]] * 4, [[0.0, 1.0]] * 4])
    assert log_loss_weights(members, np.array([0, 0, 0, 1])) == pytest.approx(
        np.array([0.75, 0.25]), abs=1e-3
    )


@pytest.mark.parametrize("hard", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_log_loss_weights_are_the_global_minimum(seed, hard):
    members, true = make_members(seed, num_members=8, hard=hard)
    weights = log_loss_weights(members, true)
    assert weights.sum() == pytest.approx(1)
    assert weights.min() >= 0
    best = log_loss(weighted_mean(members, weights), true)
    assert best <= min(log_loss(member, true) for member in members)
    assert best <= log_loss(weighted_mean(members), true)
    # Convex: the minimum where no step towards another point of the simplex goes down.
    rng = np.random.default_rng(seed)
    for other in (*np.eye(8), *rng.dirichlet(np.full(8, 0.3), 200)):
        for step in (0.001, 0.1, 1.0):
            moved = weighted_mean(members, (1 - step) * weights + step * other)
            assert log_loss(moved, true) >= best - 1e-6


def test_log_loss_weights_leave_out_members_of_no_use():
    members, true = make_members(6, num_members=3)
    useless = np.full_like(members[:1], 1e-4)
    useless[..., 0] += 1 - useless[0].sum(axis=1)  # sure of class 0 whatever the image
    weights = log_loss_weights(np.concatenate([members, useless]), true % 7 + 1)
    assert weights[3] == 0.0


def test_copies_of_a_member_share_its_weight():
    members, true = make_members(7, num_members=2)
    alone = log_loss_weights(members, true)
    copied = log_loss_weights(members[[0, 0, 1]], true)
    assert copied[0] == pytest.approx(copied[1])
    assert copied[0] + copied[1] == pytest.approx(alone[0], abs=1e-3)


def test_log_loss_and_balanced_accuracy_are_scikit_learns():
    from sklearn import metrics

    members, true = make_members(8)
    members[0, 0, true[0]] = 0.0
    members[0, 0] /= members[0, 0].sum()
    assert log_loss(members[0], true) == pytest.approx(metrics.log_loss(true, members[0]))
    predicted = members[0].argmax(axis=1)
    assert balanced_accuracy(members[0], true) == pytest.approx(
        metrics.balanced_accuracy_score(true, predicted)
    )
    report = evaluate_predictions(aligned(members, true).images, bootstrap=0)
    assert report["balanced_accuracy"] == balanced_accuracy(members[0], true)


@pytest.mark.parametrize("method", ["mean", "greedy", "weighted"])
def test_one_member_or_copies_of_it_are_itself(method):
    members, true = make_members(9, num_members=1)
    test, _ = make_members(10, num_members=1, n=30)
    for copies in (1, 2, 3):
        fitted = fit_ensemble(method, copies, aligned(np.repeat(members, copies, axis=0), true))
        assert fitted.combine(np.repeat(test, copies, axis=0)) == pytest.approx(test[0], abs=1e-12)


def test_rank_mean_of_one_member_keeps_its_order_within_a_class():
    # Two classes: the ranks of a row sum to 1, so scaling does not reorder.
    scores = np.random.default_rng(0).random(50)
    members = np.stack([scores, 1 - scores], axis=1)[None]
    ranked = rank_mean(members, members)
    assert np.argsort(ranked[:, 0]).tolist() == np.argsort(scores).tolist()


@pytest.mark.parametrize("method", METHODS)
def test_the_order_of_members_does_not_matter(method):
    members, true = make_members(11)
    test, _ = make_members(12, n=60)
    order = [3, 0, 4, 2, 1]
    one = fit_ensemble(method, 5, aligned(members, true), rounds=20)
    other = fit_ensemble(method, 5, aligned(members[order], true), rounds=20)
    assert other.weights == pytest.approx(one.weights[order], abs=1e-9)
    assert other.combine(test[order]) == pytest.approx(one.combine(test), abs=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_rows_sum_to_one_and_stay_in_range(method):
    members, true = make_members(13)
    combined = fit_ensemble(method, 5, aligned(members, true)).combine(members)
    assert combined.sum(axis=1) == pytest.approx(np.ones(len(true)))
    assert combined.min() >= 0
    assert combined.max() <= 1 + 1e-12


def test_unlabelled_rows_choose_nothing_but_are_ranked_among():
    members, true = make_members(14)
    hidden = true.copy()
    hidden[:50] = -1
    for method in ("greedy", "weighted"):
        part = fit_ensemble(method, 5, aligned(members[:, 50:], true[50:]))
        assert fit_ensemble(method, 5, aligned(members, hidden)).weights == pytest.approx(
            part.weights
        )
    reference = fit_ensemble("rank_mean", 5, aligned(members, hidden)).reference
    assert reference is not None
    assert reference.shape[1] == len(true)


def test_without_labelled_validation_images_nothing_can_be_chosen():
    members, true = make_members(15)
    with pytest.raises(UserError, match="no labelled row, which weighted chooses by"):
        fit_ensemble("weighted", 5, aligned(members, np.full_like(true, -1)))
    with pytest.raises(ValueError, match="greedy needs validation predictions"):
        fit_ensemble("greedy", 5)
    with pytest.raises(ValueError, match="unknown method 'median'"):
        fit_ensemble("median", 5)
    assert fit_ensemble("mean", 5).weights.tolist() == [0.2] * 5
