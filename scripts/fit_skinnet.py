"""Train a SkinNet with plain Keras on a catalogue's own masks: data, model, compile, fit.

Accelerator: any; minutes on a CPU with the defaults (generated lesions at 64 px).
`skinnet train` does more (predicted masks, stages, resume); this is the part a user copies.

    python scripts/fit_skinnet.py --variant v3 --backbone efficientnet_b0 --size 224
"""

import argparse
import tempfile
from pathlib import Path

import keras
import numpy as np

from skinnet_keras.config import BalanceConfig, LossConfig
from skinnet_keras.data.augmentation import Augmenter
from skinnet_keras.data.building import build_catalogue
from skinnet_keras.data.cache import open_cache
from skinnet_keras.data.catalogue import Catalogue
from skinnet_keras.data.metadata import MetadataEncoder
from skinnet_keras.data.pipeline import Samples, evaluation_dataset, training_dataset
from skinnet_keras.data.synthetic import write_synthetic
from skinnet_keras.models import build_skinnet
from skinnet_keras.taxonomy import CLASSES
from skinnet_keras.training.losses import classification_loss


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--catalogue", type=Path, help="with masks; default: generated lesions")
    parser.add_argument("--variant", default="v2")
    parser.add_argument("--backbone", default="mbconv_tiny")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=10)
    arguments = parser.parse_args()
    keras.utils.set_random_seed(1337)

    root = arguments.catalogue
    if root is None:
        folder = Path(tempfile.mkdtemp())
        write_synthetic(folder / "lesions", lesions=800, image_size=96, seed=0)
        build_catalogue({"synthetic": folder / "lesions"}, folder / "catalogue")
        root = folder / "catalogue"
    catalogue = Catalogue.load(root)
    cache = open_cache(catalogue, arguments.size)
    backbones = {"backbone": arguments.backbone, "lesion_backbone": arguments.backbone}
    model = build_skinnet(arguments.variant, image_size=arguments.size, **backbones)

    def samples(split):
        rows = catalogue.usable([split])
        rows = rows[rows["label"].isin(CLASSES) & (rows["mask_path"] != "")]
        return Samples(
            cache=cache,
            image_ids=list(rows["image_id"]),
            input_names=tuple(tensor.name for tensor in model.inputs),
            labels=np.array([CLASSES.index(label) for label in rows["label"]]),
            metadata=MetadataEncoder().encode_table(rows),
        )

    train_samples = samples("train")
    loss = classification_loss(LossConfig(), BalanceConfig(), train_samples.labels, len(CLASSES))
    optimizer = keras.optimizers.AdamW(1e-3, weight_decay=1e-4)
    model.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"])
    augmenter = Augmenter(arguments.size)
    with training_dataset(train_samples, batch_size=32, augmenter=augmenter, seed=0) as train:
        model.fit(
            train.dataset,
            steps_per_epoch=train.steps_per_epoch,
            epochs=arguments.epochs,
            validation_data=evaluation_dataset(samples("val"), batch_size=32),
            shuffle=False,
        )
    model.save("skinnet.keras")


if __name__ == "__main__":
    main()
