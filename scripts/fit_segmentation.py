"""Train the Split-Attention U-Net with plain Keras: data, model, compile, fit.

Accelerator: any; minutes on a CPU with the defaults (generated lesions at 64 px).
Copy it and put your own catalogue in:

    python scripts/fit_segmentation.py --catalogue runs/catalogue --size 224 --epochs 30
"""

import argparse
import tempfile
from pathlib import Path

import keras

from skinnet_keras.data.augmentation import Augmenter
from skinnet_keras.data.building import build_catalogue
from skinnet_keras.data.cache import open_cache
from skinnet_keras.data.catalogue import Catalogue
from skinnet_keras.data.pipeline import Samples, evaluation_dataset, training_dataset
from skinnet_keras.data.synthetic import write_synthetic
from skinnet_keras.models import build_segmenter
from skinnet_keras.training.segmentation_losses import BCEDice


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--catalogue", type=Path, help="default: generated lesions")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--batch-size", type=int, default=16)
    arguments = parser.parse_args()
    keras.utils.set_random_seed(1337)

    root = arguments.catalogue
    if root is None:
        folder = Path(tempfile.mkdtemp())
        write_synthetic(folder / "lesions", lesions=400, image_size=96, seed=0)
        build_catalogue({"synthetic": folder / "lesions"}, folder / "catalogue")
        root = folder / "catalogue"
    catalogue = Catalogue.load(root)
    cache = open_cache(catalogue, arguments.size)

    def samples(split):
        rows = catalogue.usable([split])
        ids = list(rows.loc[rows["mask_path"] != "", "image_id"])
        return Samples(cache=cache, image_ids=ids, target="mask")

    model = build_segmenter("split_attention_unet", image_size=arguments.size)
    model.compile(
        optimizer=keras.optimizers.AdamW(1e-3, weight_decay=1e-4),
        loss={"mask_logits": BCEDice()},
        # Logits: a pixel is lesion from 0 on. IoU of the lesion over all pixels.
        metrics={"mask_logits": [keras.metrics.BinaryIoU([1], threshold=0.0, name="iou")]},
    )
    with training_dataset(
        samples("train"),
        batch_size=arguments.batch_size,
        augmenter=Augmenter(arguments.size),
        seed=0,
    ) as train:
        model.fit(
            train.dataset,
            steps_per_epoch=train.steps_per_epoch,
            epochs=arguments.epochs,
            validation_data=evaluation_dataset(samples("val"), batch_size=arguments.batch_size),
            shuffle=False,
        )
    model.save("segmenter.keras")


if __name__ == "__main__":
    main()
