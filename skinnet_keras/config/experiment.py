"""The sections of an experiment, and the experiment itself."""

# ruff: noqa: RUF012  (pydantic copies the defaults; the base class is in another module)

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from skinnet_keras.config.base import Arguments, Count, Fraction, Section, Width
from skinnet_keras.config.classical import ClassicalConfig
from skinnet_keras.config.cross_validation import CrossValidationConfig
from skinnet_keras.config.losses import BalanceConfig, LossConfig, SegmentationLossConfig
from skinnet_keras.config.stages import StagesConfig
from skinnet_keras.config.tracking import TrackingConfig

OWN_RECIPE = "ours"
_NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"


class ModelConfig(Section):
    """Arguments of `build_skinnet`, and where the backbones' weights come from."""

    variant: Literal["v1", "v2", "v3", "v4"]
    backbone: str = "efficientnet_b0"
    lesion_backbone: str = "efficientnet_b3"
    weights: str = "none"
    metadata: bool = True
    mask_branch: Literal["mbconv"] | None = None
    metadata_units: list[Width] = [512, 512, 512, 256]
    head_units: list[Width] | None = None
    shape_filters: list[Width] = [16, 32, 64, 128, 256, 256, 512, 1024]
    shape_units: list[Width] = [256, 64]
    image_units: list[Width] = [512]
    lesion_units: list[Width] = [512, 256]

    def builder_arguments(self) -> dict[str, Any]:
        """Keyword arguments for `build_skinnet`, without variant, size and classes."""
        arguments = self.model_dump(exclude={"variant", "weights", "metadata"})
        return arguments if self.metadata else {**arguments, "metadata_dim": 0}


class SegmenterConfig(Section):
    """The segmentation network whose masks the classifiers see."""

    name: str = "split_attention_unet"
    arguments: Arguments = {}
    threshold: float = Field(default=0.5, gt=0, lt=1)
    run: str | None = Field(
        default=None, description="a finished run whose segmenter and masks are used again"
    )
    masks: str | None = Field(
        default=None, description="masks in the catalogue, from `segment predict --data`"
    )


class CleaningConfig(Section):
    """What is taken out of the images before they are resized; everything is off by default.

    `hair_contrast` is how many grey levels a hair is darker than the skin beside it;
    `minkowski_norm` is the order of the norm of the colour constancy.
    """

    borders: bool = False
    hair: bool = False
    rulers_and_ink: bool = False
    colour_constancy: bool = False
    hair_contrast: int = Field(default=11, ge=1, le=255)
    minkowski_norm: float = Field(default=6.0, ge=1, le=64)

    @property
    def steps(self) -> tuple[str, ...]:
        """Names of the steps that are on."""
        names = ("borders", "hair", "rulers_and_ink", "colour_constancy")
        return tuple(name for name in names if getattr(self, name))


class Config(Section):
    """A whole experiment; `skinnet train --config FILE key=value ...`.

    `recipe` records which recipe of its file the values come from. `augment_validation` augments
    the validation images of every epoch, as the paper does; the best epoch is then chosen by noisy
    figures. Predictions and metrics of the finished run never are. The images of `unseen` classes
    take no part in training; they become UNK in the test split, to test rejection with.
    """

    name: str = Field(pattern=_NAME)
    recipe: str = Field(default=OWN_RECIPE, pattern=_NAME)
    seed: int = Field(default=0, ge=0, lt=2**32)  # what NumPy and Keras take
    image_size: int = Field(default=224, ge=32, le=2048)
    num_classes: Literal[8, 9] = 8
    unseen: list[Literal["MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC"]] = []
    cleaning: CleaningConfig = CleaningConfig()
    model: ModelConfig | None = None
    segmenter: SegmenterConfig | None = None
    classical: ClassicalConfig | None = None
    stages: StagesConfig = StagesConfig()
    cross_validation: CrossValidationConfig | None = None
    loss: LossConfig = LossConfig()
    segmentation_loss: SegmentationLossConfig = SegmentationLossConfig()
    balance: BalanceConfig = BalanceConfig()
    l2: float = Field(default=1e-5, ge=0, le=10)
    augmentation: bool = True
    augmentation_on: Literal["workers", "device"] = "workers"
    augment_validation: bool = False
    metadata_dropout: Fraction = 0.1
    checkpoint_every: Count = 5
    workers: int | None = Field(default=None, ge=0, le=256)
    distribute: Literal["auto", "none", "mirrored"] = "auto"
    mixed_precision: bool = False
    deterministic: bool = False
    tracking: TrackingConfig = TrackingConfig()

    @model_validator(mode="after")
    def _stages_fit_the_model(self) -> Config:
        stages = self.stages
        if self.model is None and (stages.cnn or stages.head or stages.joint):
            raise ValueError("stages cnn, head and joint need a model section")
        if self.model is not None and not stages.cnn:
            raise ValueError("a model section needs the stage cnn")
        if self.segmenter is None:
            if stages.segmentation:
                raise ValueError("stage segmentation needs a segmenter section")
            if self.uses_mask:
                raise ValueError(f"variant {self.variant} needs a segmenter section for its masks")
        elif bool(self.segmenter.run) == bool(stages.segmentation):
            raise ValueError("a segmenter needs either the stage segmentation or segmenter.run")
        if self.unseen and self.num_classes == 9:
            raise ValueError("unseen classes become UNK, which a model of 9 classes is trained on")
        if self.augment_validation and not self.augmentation:
            raise ValueError("augment_validation needs augmentation: true")
        return self

    @model_validator(mode="after")
    def _joint_stage_reaches_the_segmenter(self) -> Config:
        if not self.tunes_segmenter:
            return self
        if self.segmenter is None or not self.uses_mask:
            raise ValueError(
                "stages.joint.segmenter: true needs a classifier with a mask input: variant v2, v3 "
                "or v4, or model.mask_branch"
            )
        if self.segmenter.arguments.get("num_classes", 1) != 1:
            raise ValueError(
                "stages.joint.segmenter: true needs a binary segmenter: leave num_classes out of "
                "segmenter.arguments"
            )
        return self

    @model_validator(mode="after")
    def _classical_or_networks(self) -> Config:
        if self.classical is None:
            if self.model is None and self.segmenter is None:
                raise ValueError("an experiment needs a model, a segmenter or a classical section")
            return self
        stages = self.stages
        if self.model or stages.segmentation or stages.cnn or stages.head or stages.joint:
            raise ValueError("a classical experiment has neither a model section nor stages")
        if self.segmenter:
            raise ValueError(
                "a classical experiment has no segmenter section: classical.masks names masks of "
                "the catalogue"
            )
        if self.balance.methods not in ([], ["class_weights"]):
            raise ValueError(
                "classical classifiers balance by class weights only: set balance.methods to "
                "[class_weights], or to [] for none"
            )
        if self.augmentation:
            raise ValueError("a classical experiment does not augment: set augmentation: false")
        return self

    @property
    def variant(self) -> str | None:
        """The SkinNet variant, or None for an experiment without one."""
        return self.model.variant if self.model else None

    @property
    def uses_mask(self) -> bool:
        """Whether the classifier has a mask input."""
        return self.model is not None and bool(self.model.variant != "v1" or self.model.mask_branch)

    @property
    def tunes_segmenter(self) -> bool:
        """Whether the joint stage trains the segmentation network, too."""
        return self.stages.joint is not None and self.stages.joint.segmenter
