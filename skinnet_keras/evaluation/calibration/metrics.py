"""How far predicted probabilities are from observed frequencies, in bins of equal mass."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

DEFAULT_BINS = 15


@dataclass(frozen=True)
class Reliability:
    """A reliability diagram: B bins of images with similar scores.

    Attributes:
        count: int64 (B,), images in each bin; none is empty.
        confidence: float64 (B,), mean score, 0..1.
        frequency: float64 (B,), how often the event happened, 0..1.
        bins: int64 (N,), each image's bin.
        chance: float64 (B,), the gap |confidence - frequency| to expect where the scores are
            exactly right.
    """

    count: np.ndarray
    confidence: np.ndarray
    frequency: np.ndarray
    bins: np.ndarray
    chance: np.ndarray

    @property
    def ece(self) -> float:
        """Expected calibration error: mean gap |confidence - frequency| over the images.

        Naeini et al., AAAI 2015; bins of equal mass: Nixon et al. 2019, arXiv:1904.01685. It is
        biased upwards: chance keeps it above 0 also where the scores are right, see
        `ece_by_chance`.
        """
        return self._mean(np.abs(self.confidence - self.frequency))

    @property
    def ece_by_chance(self) -> float:
        """The expected calibration error that exactly right scores would show on average.

        What a bin's count of events has as variance is then the sum of p (1 - p); the mean
        absolute gap follows from the normal approximation (compare the consistency resampling of
        Broecker and Smith 2007, doi:10.1175/WAF993.1).
        """
        return self._mean(self.chance)

    @property
    def ece_chance_limit(self) -> float:
        """What the calibration error of exactly right scores exceeds in 1 of 40 cases.

        Same approximation, images taken as independent; a |Z| has the variance 1 - 2 / pi.
        """
        share = self.count / self.count.sum()
        spread = np.sqrt(np.sum((share * self.chance) ** 2) * (np.pi / 2 - 1))
        return self.ece_by_chance + 1.96 * float(spread)

    def _mean(self, of_bins: np.ndarray) -> float:
        return float(self.count @ of_bins / self.count.sum())


def equal_mass_bins(scores: np.ndarray, num_bins: int) -> np.ndarray:
    """Number the images by bins that hold about as many each.

    Bin b ends with the score of rank ceil(b N / B); equal scores share a bin, whatever their
    order, so there are fewer bins where many are equal.

    Args:
        scores: float (N,), N > 0.
        num_bins: B, at least 1.

    Returns:
        int64 (N,), 0 for the lowest scores, without gaps.
    """
    n = len(scores)
    last = (np.arange(1, num_bins) * n + num_bins - 1) // num_bins - 1
    ends = np.unique(np.sort(scores)[last])
    return np.searchsorted(ends, scores, side="left").astype(np.int64)


def reliability(
    scores: np.ndarray, happened: np.ndarray, num_bins: int = DEFAULT_BINS
) -> Reliability:
    """Compare scores with what happened.

    Args:
        scores: float (N,), predicted probability of an event, N > 0.
        happened: bool (N,).
        num_bins: Bins at most.
    """
    bins = equal_mass_bins(scores, num_bins)
    count = np.bincount(bins)
    # A file's probability may exceed 1 by rounding.
    variance = np.bincount(bins, weights=np.clip(scores * (1.0 - scores), 0.0, None))
    return Reliability(
        count=count,
        confidence=np.bincount(bins, weights=scores) / count,
        frequency=np.bincount(bins, weights=np.asarray(happened, dtype=float)) / count,
        bins=bins,
        chance=np.sqrt(2.0 / np.pi * variance) / count,
    )


def top_label_reliability(
    probabilities: np.ndarray, true: np.ndarray, num_bins: int = DEFAULT_BINS
) -> Reliability:
    """Compare the probability of the most probable class with how often it is the true one.

    Args:
        probabilities: float (N, K), N > 0.
        true: int (N,) indices of the true classes.
        num_bins: Bins at most.
    """
    return reliability(probabilities.max(axis=1), probabilities.argmax(axis=1) == true, num_bins)


def class_reliabilities(
    probabilities: np.ndarray, true: np.ndarray, num_bins: int = DEFAULT_BINS
) -> list[Reliability]:
    """Compare the probability of each class with how often it is the true one.

    The mean of their `ece` is the class-wise expected calibration error (Kull et al. 2019,
    arXiv:1910.12656). Arguments as for `top_label_reliability`.
    """
    return [reliability(column, true == k, num_bins) for k, column in enumerate(probabilities.T)]


def brier_scores(probabilities: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Squared distance of each image's probabilities to its label, summed over the classes.

    Brier 1950; 0..2, so twice scikit-learn's where there are two classes and it halves them.

    Args:
        probabilities: float (N, K).
        true: int (N,) indices of the true classes.

    Returns:
        float64 (N,).
    """
    return ((probabilities - np.eye(probabilities.shape[1])[true]) ** 2).sum(axis=1)


def brier_decomposition(reliabilities: list[Reliability], brier: float) -> dict[str, float]:
    """Parts of the mean Brier score: reliability - resolution + uncertainty + within_bins.

    Murphy 1973, doi:10.1175/1520-0450(1973)012<0595:ANVPOT>2.0.CO;2, class against rest and summed
    over the classes. `within_bins` is what binning leaves over, small where scores in a bin are
    alike (Stephenson et al. 2008, doi:10.1175/2007WAF2006116.1).

    Args:
        reliabilities: As `class_reliabilities` returns them.
        brier: Mean of `brier_scores`.

    Returns:
        `reliability` (0 is best), `resolution` (more is better), `uncertainty` (of the labels
        alone) and `within_bins`.
    """
    parts = dict.fromkeys(("reliability", "resolution", "uncertainty"), 0.0)
    for item in reliabilities:
        share = item.count / item.count.sum()
        base = float(share @ item.frequency)
        parts["reliability"] += float(share @ (item.confidence - item.frequency) ** 2)
        parts["resolution"] += float(share @ (item.frequency - base) ** 2)
        parts["uncertainty"] += base * (1.0 - base)
    explained = parts["reliability"] - parts["resolution"] + parts["uncertainty"]
    return {**parts, "within_bins": brier - explained}
