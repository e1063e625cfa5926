"""Predict one photograph with nothing but numpy, Pillow and ai-edge-litert: copy and adapt.

    python predict_tflite.py NAME_end_to_end_float32.tflite mole.jpg 45 female "anterior torso"

Age, sex and site may be left out or "unknown". Reads `metadata.json` beside the model. It is for
end-to-end models, and classifiers that take no mask.
"""

import json
import sys
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from PIL import Image, ImageOps


def main(model: str, photograph: str, *patient: str) -> None:
    facts = json.loads((Path(model).parent / "metadata.json").read_text(encoding="utf-8"))
    size = facts["image_size"]

    image = ImageOps.exif_transpose(Image.open(photograph)).convert("RGB")
    image = image.resize((size, size), Image.Resampling.BILINEAR)  # once, from the original

    age, sex, site = (*patient, *("unknown",) * (3 - len(patient)))
    entries = [entry["name"] for entry in facts["metadata_layout"]]
    if not {sex, site} <= {*entries, "unknown"}:
        sys.exit(f"The sex and the site must be among: {', '.join(entries)}, unknown.")
    known = {"age_missing": age, "sex_missing": sex, "site_missing": site}
    vector = []
    for entry in entries:
        if entry == "age":
            vector.append(0.0 if age == "unknown" else min(float(age) / 100, 1.0))
        else:
            vector.append(float(known.get(entry, "") == "unknown" or entry in (sex, site)))

    interpreter = Interpreter(model, num_threads=2).get_signature_runner("serving_default")
    inputs = {"image": image, "metadata": vector}
    wanted = interpreter.get_input_details()
    outputs = interpreter(**{name: np.asarray(inputs[name], np.float32)[None] for name in wanted})

    ranked = sorted(zip(outputs["diagnosis"][0], facts["classes"], strict=True), reverse=True)
    for probability, name in ranked:
        print(f"{name:5} {probability:.4f}")
    if "mask" in outputs:
        print(f"lesion: {(outputs['mask'] >= facts['mask_threshold']).mean():.1%} of the image")
    if "abstain" in outputs and outputs["abstain"][0, 0] == 1:
        print("too uncertain: leave it to a human")


if __name__ == "__main__":
    main(*sys.argv[1:])
