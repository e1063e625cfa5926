"""Losses of all stages, and how rare classes are made to count."""

# ruff: noqa: RUF012  (pydantic copies the defaults; the base class is in another module)

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from skinnet_keras.config.base import Arguments, Fraction, NamedSection, Section

WEIGHT_METHODS = ("focal_alpha", "class_weights", "balanced_sampling")
"""The methods that use the class weights of `balance.weighting`."""

_OLD_LOSS_KEYS = {"name", "gamma", "label_smoothing"}
_OLD_POWER = 0.5


class LossConfig(NamedSection):
    """Classification loss (paper, section 2: focal, gamma 2; also tried: cross-entropy).

    `label_smoothing` s mixes the labels with the uniform distribution: (1 - s) y + s / K.
    """

    own_keys: ClassVar[dict[str, dict[str, Any]]] = {"focal": {"gamma": 2.0}, "cross_entropy": {}}

    name: Literal["focal", "cross_entropy"] = "focal"
    gamma: float | None = Field(default=None, ge=0, le=100)
    label_smoothing: Fraction = 0.0

    @model_validator(mode="before")
    @classmethod
    def _forget_the_old_default(cls, data: Any) -> Any:
        """Older runs wrote gamma's default out for cross-entropy, too."""
        old = isinstance(data, dict) and set(data) == _OLD_LOSS_KEYS and data["gamma"] == 2.0
        return {**data, "gamma": None} if old and data["name"] == "cross_entropy" else data


class BalanceConfig(Section):
    """How rare classes are made to count, exactly once unless `allow_stacking`.

    - `focal_alpha`: class weights as alpha inside the loss (with cross-entropy, too: that is the
      weighted cross-entropy).
    - `class_weights`: the same weights as sample weights.
    - `balanced_sampling`: images are drawn with probabilities proportional to them.
    - `logit_adjustment`: the loss sees softmax(logits + `tau` * log prior), the prior being the
      classes' shares of the training images; predictions are those of the network, unadjusted
      (Menon et al. 2021, arXiv:2007.07314).

    The weights of the first three, scaled to a mean of 1 over the training images, are by
    `weighting`:

    - `inverse_frequency`: (1 / class share) ** `power`.
    - `effective_number`: (1 - `beta`) / (1 - `beta` ** images of the class) (Cui et al. 2019,
      arXiv:1901.05555). Beyond about 1 / (1 - beta) images a class counts as no more frequent;
      the 1000 images of the default, 0.999, lie between the rare classes of ISIC-2019 (239 of DF)
      and the frequent ones (12,875 of NV).
    """

    methods: list[
        Literal["focal_alpha", "class_weights", "balanced_sampling", "logit_adjustment"]
    ] = ["focal_alpha"]
    weighting: Literal["inverse_frequency", "effective_number"] | None = None
    power: float | None = Field(default=None, ge=0, le=1)
    beta: Fraction | None = None
    tau: float | None = Field(default=None, ge=0, le=100)
    allow_stacking: bool = False

    @model_validator(mode="before")
    @classmethod
    def _only_keys_that_mean_something(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        methods = data.get("methods", ["focal_alpha"])
        weighting = data.get("weighting")
        if not isinstance(methods, list) or weighting not in (None, *_OWN_KEY):
            return data  # The types of the keys say what is wrong.
        own: dict[str, Any] = {}
        if any(method in WEIGHT_METHODS for method in methods):
            weighting = weighting or "inverse_frequency"
            own = {"weighting": weighting, **_OWN_KEY[weighting]}
        if "logit_adjustment" in methods:
            own["tau"] = 1.0
        given = {key: value for key, value in data.items() if value is not None}
        if "power" not in own and given.get("power") == _OLD_POWER:
            del given["power"]  # Older runs, and recipes under a new method, bring the default.
        for key, needs in _NEEDS.items():
            if key in given and key not in own:
                raise ValueError(f"{key} is for {needs}: leave it out, or set it to null")
        return {**own, **given}

    @model_validator(mode="after")
    def _once(self) -> BalanceConfig:
        if len(set(self.methods)) < len(self.methods):
            raise ValueError("methods names one of them twice")
        if len(self.methods) > 1 and not self.allow_stacking:
            raise ValueError(
                f"{' and '.join(self.methods)} balance the classes more than once; keep one, or "
                "set balance.allow_stacking: true"
            )
        return self


_OWN_KEY: dict[str, dict[str, Any]] = {
    "inverse_frequency": {"power": 0.5},
    "effective_number": {"beta": 0.999},
}
_NEEDS = {
    "weighting": f"the methods {', '.join(WEIGHT_METHODS)}",
    "power": "the weighting inverse_frequency (of focal_alpha, class_weights, balanced_sampling)",
    "beta": "the weighting effective_number (of focal_alpha, class_weights, balanced_sampling)",
    "tau": "the method logit_adjustment",
}


class SegmentationLossConfig(Section):
    """Loss of stage (a), on mask logits (paper, section 1.3: BCE + Dice).

    `output_weights` count where a network has auxiliary outputs (TransFuse, section 3.3 of
    arXiv:2102.08005).
    """

    name: Literal["bce_dice", "dice", "focal", "tversky", "boundary_bce_iou"] = "bce_dice"
    arguments: Arguments = {}
    output_weights: dict[str, Annotated[float, Field(ge=0, le=1e3)]] = {
        "mask_logits": 0.5,
        "mask_logits_1": 0.3,
        "mask_logits_x": 0.2,
    }
