"""Which fold of a cross-validation a training holds out."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from skinnet_keras.config.base import Section


class CrossValidationConfig(Section):
    """One training of a K-fold cross-validation; `skinnet crossval` sets it for every fold.

    The images of the catalogue's train and val splits are divided into `folds`. Fold number `fold`
    is held out and scored as the test split. Of the groups of the other folds, `val_share` choose
    the epoch, and the rest is trained on. The catalogue's own test split takes no part.
    """

    folds: Annotated[int, Field(ge=2, le=1000)]
    fold: Annotated[int, Field(ge=0, lt=1000)]
    val_share: Annotated[float, Field(gt=0, lt=1)] = 0.15

    @model_validator(mode="after")
    def _is_a_fold(self) -> CrossValidationConfig:
        if self.fold >= self.folds:
            raise ValueError(f"fold {self.fold} is not one of 0 to {self.folds - 1}")
        return self
