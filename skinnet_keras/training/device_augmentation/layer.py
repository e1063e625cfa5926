"""The paper's augmentation as one Keras layer."""

from __future__ import annotations

from dataclasses import asdict

import keras

from skinnet_keras.data.augmentation import Augmenter
from skinnet_keras.training.device_augmentation import pixels
from skinnet_keras.training.device_augmentation.draws import draw


@keras.saving.register_keras_serializable("skinnet_keras")
class PaperAugmentation(keras.layers.Layer):
    """Paper augmentation of a batch on the device, each image under a key of its own.

    The operations, probabilities and strengths of `Augmenter`, which describes them; not the same
    random numbers. What else differs: distortion and geometry share one interpolation, and grey
    levels are not rounded in between. An image's augmentation depends on its key only: neither on
    its batch nor, up to the rounding of float32, on the backend or the number of devices.

    Args:
        image_size: Side S of the square images in pixels, at least 8.
        cutout: Probability of 1 to 5 black holes.
        distortion: Probability of one of elastic, grid and lens distortion.
        geometry: Probability of one geometric transform.
        blur: Probability of one blur.
        brightness_contrast: Probability of a change of brightness and contrast.

    Input: a dict of "image" float32 (B, S, S, C) in 0..255, "augmentation_key" uint32 (B, 2)
        from `skinnet_keras.data.samples.augmentation_keys`, and, if wanted, "mask" float32
        (B, S, S, 1) in {0, 1}. Output: a dict of the augmented "image" and "mask".

    Raises:
        ValueError: A probability or the size is out of range.
    """

    def __init__(
        self,
        image_size: int,
        cutout: float = Augmenter.cutout,
        distortion: float = Augmenter.distortion,
        geometry: float = Augmenter.geometry,
        blur: float = Augmenter.blur,
        brightness_contrast: float = Augmenter.brightness_contrast,
        **kwargs,
    ):
        # Coordinates of pixels need float32, also in a model of mixed precision.
        super().__init__(**{**kwargs, "dtype": "float32"})
        if image_size < 8:
            raise ValueError(f"image_size must be at least 8, got {image_size}.")
        self.augmenter = Augmenter(
            image_size, cutout, distortion, geometry, blur, brightness_contrast
        )

    def call(self, inputs):
        draws = draw(inputs["augmentation_key"], self.augmenter)
        points = pixels.sampling_map(draws, self.augmenter.image_size)
        images = pixels.cut_out(inputs["image"], draws.holes)
        images = pixels.bilinear(images, points)
        images = pixels.blur(images, draws.kernel)
        outputs = {"image": pixels.brighten(images, draws.contrast, draws.brightness)}
        if "mask" in inputs:
            outputs["mask"] = pixels.nearest(inputs["mask"], points)
        return outputs

    def compute_output_shape(self, input_shape):
        return {name: input_shape[name] for name in ("image", "mask") if name in input_shape}

    def get_config(self):
        return {**super().get_config(), **asdict(self.augmenter)}
