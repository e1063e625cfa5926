"""The paper's augmentation as Keras layers, for accelerators that eat more than a CPU augments.

`skinnet_keras.data.augmentation.Augmenter` says what is done and how strongly; here the same
operations run on whole batches on the device, inside the training step. `AugmentedModel` puts
them there.
"""

from skinnet_keras.training.device_augmentation.layer import PaperAugmentation
from skinnet_keras.training.device_augmentation.model import AugmentedModel

__all__ = ["AugmentedModel", "PaperAugmentation"]
