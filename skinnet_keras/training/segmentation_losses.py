"""Losses of the segmentation networks, on mask logits.

Every loss takes `y_true`, masks (B, H, W, C) in {0, 1} of any dtype, and `y_pred`, logits of
the same shape, and gives one value an image, float32 (B,), before the reduction. The C channels
are independent masks: a loss is the mean of the channels' own. p is the sigmoid of the logits,
y the mask; sums and means run over the pixels of one channel of one image, so every image
weighs alike whatever its lesion's size.
"""

from __future__ import annotations

import inspect
from typing import Any

import keras
from keras import ops

from skinnet_keras.config import SegmentationLossConfig
from skinnet_keras.errors import UserError

_PIXELS = (1, 2)
_KERAS_ARGUMENTS = ("name", "kwargs")


class MaskLoss(keras.losses.Loss):
    """Base class: a subclass gives the loss of each channel of each image.

    Its constructor keeps every argument in an attribute of the same name and hands `name` and
    the rest (`reduction`, `dtype`) to Keras.
    """

    @classmethod
    def arguments(cls) -> list[str]:
        """Names of the constructor's arguments other than Keras's own."""
        return [name for name in inspect.signature(cls).parameters if name not in _KERAS_ARGUMENTS]

    def channel_loss(self, y, logits):
        """Loss (B, C) of masks `y` and `logits`, both (B, H, W, C) and of one float dtype."""
        raise NotImplementedError

    def call(self, y_true, y_pred):
        y, logits = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
        if not len(y.shape) == len(logits.shape) == 4:
            shapes = f"{tuple(y.shape)} and {tuple(logits.shape)}"
            raise ValueError(f"masks and logits must be (B, H, W, C), not {shapes}")
        # Sums over an image's pixels overflow float16.
        logits = ops.cast(logits, keras.backend.result_type(logits.dtype, "float32"))
        return ops.mean(self.channel_loss(ops.cast(y, logits.dtype), logits), axis=-1)

    def get_config(self):
        own = {name: getattr(self, name) for name in self.arguments()}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable("skinnet_keras")
class BCEDice(MaskLoss):
    """Binary cross-entropy plus soft Dice loss (the SkinNet paper, section 1.3).

    `bce_weight` * mean cross-entropy + `dice_weight` * `Dice`. The authors' code of MALUNet
    weighs them 1 and 1, that of TransCeption, TransDeepLab and MISSFormer 0.4 and 0.6, that of
    TransUNet 0.5 and 0.5 with squared denominators (and sums over the batch, not each image).

    Args:
        bce_weight: Factor of the cross-entropy.
        dice_weight: Factor of the Dice loss.
        smooth: As in `Dice`.
        squared: As in `Dice`.
    """

    def __init__(
        self, bce_weight=1.0, dice_weight=1.0, smooth=1.0, squared=False, name="bce_dice", **kwargs
    ):
        super().__init__(name=name, **kwargs)
        self.bce_weight = float(bce_weight)
        self.dice_weight = float(dice_weight)
        self.smooth = _positive("smooth", smooth)
        self.squared = bool(squared)

    def channel_loss(self, y, logits):
        entropy = ops.mean(_cross_entropy(y, logits), axis=_PIXELS)
        dice = _dice(y, logits, self.smooth, self.squared)
        return self.bce_weight * entropy + self.dice_weight * dice


@keras.saving.register_keras_serializable("skinnet_keras")
class Dice(MaskLoss):
    """Soft Dice loss: 1 - (2 sum(p y) + s) / (sum(p) + sum(y) + s).

    Args:
        smooth: s, in pixels, above 0; keeps an empty mask defined.
        squared: Whether the denominator is sum(p^2) + sum(y^2) + s (V-Net, arXiv:1606.04797,
            section 3).
    """

    def __init__(self, smooth=1.0, squared=False, name="dice", **kwargs):
        super().__init__(name=name, **kwargs)
        self.smooth = _positive("smooth", smooth)
        self.squared = bool(squared)

    def channel_loss(self, y, logits):
        return _dice(y, logits, self.smooth, self.squared)


@keras.saving.register_keras_serializable("skinnet_keras")
class BinaryFocal(MaskLoss):
    """Focal loss (Lin et al. 2017, arXiv:1708.02002, section 3), the mean over the pixels.

    -alpha_t (1 - p_t)^gamma log p_t, where p_t is p on the lesion and 1 - p outside. With
    gamma 0 and alpha None it is the cross-entropy.

    Args:
        alpha: alpha_t on the lesion, 0..1; it is 1 - alpha outside. None: 1 everywhere.
        gamma: Exponent, 0 or above; the larger, the less well-classified pixels count.
    """

    def __init__(self, alpha=0.25, gamma=2.0, name="binary_focal", **kwargs):
        super().__init__(name=name, **kwargs)
        self.alpha = None if alpha is None else float(alpha)
        self.gamma = float(gamma)
        if self.alpha is not None and not 0 <= self.alpha <= 1:
            raise ValueError(f"alpha must lie in 0..1, not {alpha}")
        if not self.gamma >= 0:
            raise ValueError(f"gamma must not be negative, and is {gamma}")

    def channel_loss(self, y, logits):
        # (1 - p_t)^gamma through its logarithm: a power of a sigmoid that has rounded to 0 has
        # no finite gradient for gamma below 1.
        log_error = (1 - y) * logits - ops.softplus(logits)
        loss = ops.exp(self.gamma * log_error) * _cross_entropy(y, logits)
        if self.alpha is not None:
            loss *= self.alpha * y + (1 - self.alpha) * (1 - y)
        return ops.mean(loss, axis=_PIXELS)


@keras.saving.register_keras_serializable("skinnet_keras")
class Tversky(MaskLoss):
    """Tversky loss (Salehi et al. 2017, arXiv:1706.05721), focal where gamma is not 1.

    (1 - TI)^(1 / gamma), TI = (TP + s) / (TP + alpha FP + beta FN + s) with TP = sum(p y),
    FP = sum(p (1 - y)), FN = sum((1 - p) y). alpha = beta = 0.5 gives the Dice loss with 2 s
    for its smooth. The exponent is that of the focal Tversky loss (Abraham & Khan 2019,
    arXiv:1810.07842), where gamma is 4/3 and alpha and beta are swapped: their alpha, 0.7, is
    beta here.

    Args:
        alpha: Weight of the false positives.
        beta: Weight of the false negatives.
        gamma: Above 0; 1 to 3 in the paper. Some other codes give the exponent itself, 0.75.
        smooth: s, in pixels, above 0; keeps an empty mask defined.
    """

    def __init__(self, alpha=0.3, beta=0.7, gamma=1.0, smooth=1.0, name="tversky", **kwargs):
        super().__init__(name=name, **kwargs)
        self.alpha = _positive("alpha", alpha)
        self.beta = _positive("beta", beta)
        self.gamma = _positive("gamma", gamma)
        self.smooth = _positive("smooth", smooth)

    def channel_loss(self, y, logits):
        # 1 - p from the logits: the difference rounds to 0 already at a logit of 17.
        p, not_p = ops.sigmoid(logits), ops.sigmoid(-logits)
        wrong = self.alpha * ops.sum(p * (1 - y), axis=_PIXELS)
        wrong += self.beta * ops.sum(not_p * y, axis=_PIXELS)
        loss = wrong / (ops.sum(p * y, axis=_PIXELS) + wrong + self.smooth)
        # A root has no finite gradient at 0, which a perfect mask reaches.
        return ops.maximum(loss, keras.config.epsilon()) ** (1 / self.gamma)


@keras.saving.register_keras_serializable("skinnet_keras")
class BoundaryBCEIoU(MaskLoss):
    """Cross-entropy plus IoU loss, both with more weight near the lesion's boundary.

    Weight of a pixel: w = 1 + factor |a - y|, a the mean of y over the kernel x kernel pixels
    around it, those beyond the image counting as 0. Loss: sum(w bce) / sum(w) + 1 -
    (sum(w p y) + 1) / (sum(w (p + y)) - sum(w p y) + 1). This is the loss of TransFuse (Zhang
    et al. 2021, arXiv:2102.08005), taken from F3Net (Wei et al. 2020, arXiv:1911.11445) and
    PraNet (Fan et al. 2020, arXiv:2006.11392). Copies of it that hand PyTorch `reduce='none'`
    average the cross-entropy before they weigh it: there w acts on the IoU alone.

    Args:
        kernel: Side of the neighbourhood in pixels, odd.
        factor: Weight added where the neighbourhood disagrees wholly; 0 for equal weights.
    """

    def __init__(self, kernel=31, factor=5.0, name="boundary_bce_iou", **kwargs):
        super().__init__(name=name, **kwargs)
        if float(kernel) < 1 or float(kernel) % 2 != 1:
            raise ValueError(f"kernel must be an odd number of pixels, not {kernel}")
        self.kernel = int(kernel)
        self.factor = float(factor)
        if not self.factor >= 0:
            raise ValueError(f"factor must not be negative, and is {factor}")

    def channel_loss(self, y, logits):
        weight = 1 + self.factor * ops.abs(self._neighbourhood_mean(y) - y)
        p = ops.sigmoid(logits)
        entropy = ops.sum(weight * _cross_entropy(y, logits), axis=_PIXELS)
        both = ops.sum(weight * p * y, axis=_PIXELS)
        total = ops.sum(weight * (p + y), axis=_PIXELS)
        return entropy / ops.sum(weight, axis=_PIXELS) + 1 - (both + 1) / (total - both + 1)

    def _neighbourhood_mean(self, y):
        # Padded by hand: Keras's own padding leaves the pixels beyond the image out of the mean.
        side = self.kernel // 2
        y = ops.pad(y, ((0, 0), (side, side), (side, side), (0, 0)))
        for window in ((self.kernel, 1), (1, self.kernel)):
            y = ops.average_pool(y, window, strides=1, padding="valid", data_format="channels_last")
        return y


_LOSSES: dict[str, type[MaskLoss]] = {
    "bce_dice": BCEDice,
    "dice": Dice,
    "focal": BinaryFocal,
    "tversky": Tversky,
    "boundary_bce_iou": BoundaryBCEIoU,
}


def segmentation_loss(config: SegmentationLossConfig) -> keras.losses.Loss:
    """The configured loss of one output of mask logits.

    Args:
        config: Name and arguments of the loss; `output_weights` are not part of it.

    Raises:
        UserError: An argument that the loss does not have, or a value it cannot take.
    """
    loss, arguments = _LOSSES[config.name], config.arguments
    valid = loss.arguments()
    for name in arguments:
        if name not in valid:
            raise UserError(
                f"segmentation_loss.arguments: {config.name} has no argument {name!r}; "
                f"valid ones are {', '.join(valid)}."
            )
    try:
        return loss(**arguments)
    except (TypeError, ValueError) as error:
        raise UserError(f"segmentation_loss.arguments of {config.name}: {error}.") from error


def _cross_entropy(y, logits):
    """Binary cross-entropy of every pixel."""
    return ops.softplus(logits) - y * logits


def _dice(y, logits, smooth, squared):
    """Soft Dice loss (B, C); see `Dice`."""
    p = ops.sigmoid(logits)
    both = ops.sum(p * y, axis=_PIXELS)
    if squared:
        total = ops.sum(p * p, axis=_PIXELS) + ops.sum(y * y, axis=_PIXELS)
    else:
        total = ops.sum(p, axis=_PIXELS) + ops.sum(y, axis=_PIXELS)
    return 1 - (2 * both + smooth) / (total + smooth)


def _positive(name: str, value: Any) -> float:
    number = float(value)
    if not number > 0:
        raise ValueError(f"{name} must be above 0, not {value}")
    return number
