"""Classical baselines: hand-made features and the classifier on them."""

# ruff: noqa: RUF012  (pydantic copies the defaults; the base class is in another module)

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from skinnet_keras.config.base import Count, NamedSection, Section, Width

Share = Annotated[float, Field(gt=0, lt=1)]
Factor = Annotated[float, Field(ge=1e-9, le=1e9)]
Cells = Annotated[int, Field(gt=0, le=64)]


class HogConfig(Section):
    """Histograms of oriented gradients over `cells` x `cells` cells of the image."""

    orientations: Cells = 9
    cells: Cells = 6
    block: Cells = 2

    @model_validator(mode="after")
    def _block_in_the_image(self) -> HogConfig:
        if self.block > self.cells:
            raise ValueError(f"block {self.block} is larger than the image's {self.cells} cells")
        return self


class LbpConfig(Section):
    """Local binary patterns: uniform, rotation-invariant, 8r neighbours at each radius r."""

    radii: Annotated[list[Cells], Field(min_length=1)] = [1, 2, 3]


class ColourConfig(Section):
    """Histograms of each channel of the colour spaces."""

    spaces: Annotated[list[Literal["rgb", "hsv", "lab"]], Field(min_length=1)] = ["hsv", "lab"]
    bins: Annotated[int, Field(ge=2, le=256)] = 16


class FeaturesConfig(Section):
    """The features; null switches one off."""

    hog: HogConfig | None = HogConfig()
    lbp: LbpConfig | None = LbpConfig()
    colour: ColourConfig | None = ColourConfig()

    @model_validator(mode="after")
    def _any(self) -> FeaturesConfig:
        if not (self.hog or self.lbp or self.colour):
            raise ValueError("all features are off: keep one of hog, lbp and colour")
        return self


class ClassicalClassifierConfig(NamedSection):
    """A classifier, and lists of values for what is chosen on the validation split.

    - `svm`: support vector machine. `C` and `gamma` (times 1 / (features x variance), what
      scikit-learn calls "scale"; it means nothing to the `linear` kernel) are chosen by its
      votes. Then its scores become probabilities by a logistic regression, learnt on
      `calibration_folds` folds of the training images.
    - `knn`: `n_neighbors` and `weights` (votes count alike, or by the inverse distance).
    - `mlp`: multilayer perceptron. `hidden_layer_sizes`, `alpha` (L2) and `max_iter`, its epochs.
    """

    own_keys: ClassVar[dict[str, dict[str, Any]]] = {
        "svm": {
            "kernel": "rbf",
            "C": [1.0, 3.0, 10.0],
            "gamma": [0.1, 0.3, 1.0],
            "calibration_folds": 5,
        },
        "knn": {"n_neighbors": [3, 5, 11, 21, 41], "weights": ["uniform", "distance"]},
        "mlp": {
            "hidden_layer_sizes": [[256], [128, 64]],
            "alpha": [1e-3, 1e-1, 1.0],
            "max_iter": [20, 60],
        },
    }

    name: Literal["svm", "knn", "mlp"] = "svm"
    kernel: Literal["rbf", "linear"] | None = None
    C: Annotated[list[Factor], Field(min_length=1)] | None = None
    gamma: Annotated[list[Factor], Field(min_length=1)] | None = None
    calibration_folds: Annotated[int, Field(ge=2, le=100)] | None = None
    n_neighbors: Annotated[list[Count], Field(min_length=1)] | None = None
    weights: Annotated[list[Literal["uniform", "distance"]], Field(min_length=1)] | None = None
    hidden_layer_sizes: Annotated[list[list[Width]], Field(min_length=1)] | None = None
    alpha: Annotated[list[Annotated[float, Field(ge=0, le=1e6)]], Field(min_length=1)] | None = None
    max_iter: Annotated[list[Count], Field(min_length=1)] | None = None


class ClassicalConfig(Section):
    """Features, and a classifier fitted on them.

    Attributes:
        features: What is computed of the whole image.
        masks: Name of predicted masks in the catalogue (`segment predict --data --name`); LBP
            and colours are then also taken inside the lesion.
        metadata: Whether age, sex and site join the features.
        pca: Share of the variance that principal components keep; null for none.
        classifier: The classifier and its grid; the point with the highest balanced accuracy on
            the validation split is kept.
    """

    features: FeaturesConfig = FeaturesConfig()
    masks: str | None = None
    metadata: bool = False
    pca: Share | None = 0.95
    classifier: ClassicalClassifierConfig = ClassicalClassifierConfig()

    @model_validator(mode="after")
    def _masks_serve(self) -> ClassicalConfig:
        if self.masks and not (self.features.lbp or self.features.colour):
            raise ValueError("masks serve the features lbp and colour: switch one of them on")
        return self
