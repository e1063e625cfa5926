"""The mean over views of a split's images.

Probabilities are averaged, not logits: the mean is a distribution again, its log loss is never
above the mean log loss of the views (Jensen's inequality), one view that is sure and wrong cannot
veto the others as it does in a geometric mean, and artefacts that give probabilities only can do
the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np
from rich.console import Console
from rich.progress import track

from skinnet_keras.data.samples import Samples
from skinnet_keras.data.views import View
from skinnet_keras.errors import UserError
from skinnet_keras.training.prediction import predict_probabilities


@dataclass(frozen=True)
class ViewAverage:
    """Predictions of N images over V views.

    Attributes:
        probabilities: float64 (N, K), the mean over the views.
        first: float64 (N, K), those of the first view.
        unsettled: Images whose most probable class is not the same in all views.
    """

    probabilities: np.ndarray
    first: np.ndarray
    unsettled: int


def average_views(
    model: keras.Model, samples: Samples, views: Sequence[View], description: str
) -> ViewAverage:
    """Predict every view of some images and average the probabilities, with a progress bar.

    Images are read and turned batch by batch; what is kept is (N, K) numbers, however many views
    there are.

    Args:
        model: A classifier with the inputs `samples.input_names`.
        samples: The images.
        views: The views, one at least.
        description: What the progress bar is called.

    Raises:
        UserError: The probabilities are not finite.
    """
    console = Console(stderr=True)
    steps = track(
        views,
        description=description,
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    first: np.ndarray | None = None
    for view in steps:
        probabilities = predict_probabilities(model, samples, view=view).astype(np.float64)
        if not np.isfinite(probabilities).all():
            raise UserError("The model's outputs are not numbers: its training has diverged.")
        tops = probabilities.argmax(axis=1)
        if first is None:
            first, total, first_tops = probabilities, probabilities.copy(), tops
            settled = np.ones(len(samples), bool)
        else:
            total += probabilities
            settled &= tops == first_tops
    if first is None:
        raise ValueError("there is no view to predict")
    return ViewAverage(total / len(views), first, int((~settled).sum()))
