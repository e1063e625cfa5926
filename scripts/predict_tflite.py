"""Predict one photograph with nothing but numpy, Pillow and ai-edge-litert: copy and adapt.

    python predict_tflite.py NAME_end_to_end_float32.tflite mole.jpg 45 female "anterior torso"

Age, sex and site may be left out or "unknown". Needs `metadata.json` beside the model. It is for
end-to-end models, and classifiers that take no mask, trained without cleaning; images and patients
are read as by `skinnet predict`. What it cannot answer rightly it refuses with exit code 2.
"""

import json
import re
import sys
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from PIL import Image, ImageOps

MAX_PIXELS = 64_000_000
Image.MAX_IMAGE_PIXELS = None  # the limit above counts, not Pillow's
MAX_AGE = 120
MISSING = ("", "unknown", "nan", "none", "null", "na", "n/a", "<na>", "-")


def main(model: str, photograph: str, age: str = "", sex: str = "", site: str = "") -> None:
    facts = read_facts(Path(model).parent / "metadata.json")
    metadata = patient_vector(facts["metadata_layout"], age, sex, site)
    size = facts["image_size"]
    # Once, from the original: the aspect is squashed.
    image = read_image(photograph).resize((size, size), Image.Resampling.BILINEAR)
    outputs = run(model, {"image": np.asarray(image), "metadata": metadata})

    classes, values = facts["classes"], outputs["diagnosis"][0]
    if not isinstance(classes, list) or len(set(classes)) != len(values):
        raise ValueError(f"metadata.json does not name the {len(values)} classes of {model}")
    if not np.isfinite(values).all():
        raise ValueError(f"{model} gives probabilities that are not finite")
    decision = decide(facts, values) if facts.get("decision") else None
    for probability, name in sorted(zip(values, classes, strict=True), reverse=True):
        print(f"{name:5} {probability:.4f}")
    if "mask" in outputs:
        print(f"lesion: {(outputs['mask'] >= facts['mask_threshold']).mean():.1%} of the image")
    if "abstain" in outputs and outputs["abstain"][0, 0] >= 0.5:
        print("too uncertain: leave it to a human")
    elif decision:
        print(f"decision: {decision}")


def read_facts(file: Path) -> dict:
    if not file.is_file():
        raise ValueError(f"{file} is missing, which says how to feed the model: copy it there too")
    facts = json.loads(file.read_text(encoding="utf-8"))
    if missing := {"classes", "image_size", "mask_threshold", "metadata_layout"} - set(facts):
        raise ValueError(f"{file} is damaged: it does not give {', '.join(sorted(missing))}")
    if not 0 < facts["mask_threshold"] < 1:
        raise ValueError(f"{file}: 'mask_threshold' must be above 0 and below 1")
    settings = {"hair_contrast", "minkowski_norm"}
    cleaning = facts.get("cleaning") or {}
    if steps := [name for name in cleaning if cleaning[name] and name not in settings]:
        raise ValueError(
            f"the model was trained on cleaned images ({', '.join(steps)}), which this script does "
            "not clean: use `skinnet predict`"
        )
    return facts


def read_image(file: str) -> Image.Image:
    try:
        with Image.open(file, formats=("JPEG", "PNG", "BMP", "TIFF")) as image:
            if image.width * image.height > MAX_PIXELS:
                raise ValueError(f"it has more than {MAX_PIXELS:,} pixels")
            image = ImageOps.exif_transpose(image)
    except Exception as error:
        raise ValueError(f"{file} cannot be read as a JPEG, PNG, BMP or TIFF: {error}") from error
    if image.mode.startswith("I;16"):  # the high byte, as decoders of colour take it
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    elif image.mode in ("I", "F"):
        raise ValueError(f"{file} cannot be read as an image: its pixels are 32-bit numbers")
    return image.convert("RGB")  # an alpha channel is dropped, not blended


def patient_vector(layout: list[dict], age: str, sex: str, site: str) -> list[float]:
    names = [entry["name"] for entry in layout]
    end_of_sexes, end_of_sites = names.index("sex_missing"), names.index("site_missing")
    words = {"sex": names[2:end_of_sexes], "site": names[end_of_sexes + 1 : end_of_sites]}
    age, sex, site = (
        "" if w in MISSING else w for w in (w.strip().lower() for w in (age, sex, site))
    )
    if age and not (re.fullmatch(r"\+?([0-9]+\.?[0-9]*|\.[0-9]+)", age) and float(age) <= MAX_AGE):
        raise ValueError(f"the age {age!r} is not a number of years between 0 and {MAX_AGE}")
    for field, word in (("sex", sex), ("site", site)):
        if word and word not in words[field]:
            raise ValueError(f"the {field} {word!r} is not among {', '.join(words[field])}")
    known = {"age": min(float(age or 0) / 100, 1.0), sex: 1.0, site: 1.0}
    known |= {"age_missing": not age, "sex_missing": not sex, "site_missing": not site}
    return [float(known.get(name, 0.0)) for name in names]


def run(model: str, inputs: dict) -> dict[str, np.ndarray]:
    signature = Interpreter(model, num_threads=2).get_signature_runner("serving_default")
    wanted = signature.get_input_details()
    if missing := set(wanted) - set(inputs):
        raise ValueError(f"{model} also takes {', '.join(missing)}: give an end-to-end model")
    if "diagnosis" not in signature.get_output_details():
        raise ValueError(f"{model} gives no diagnosis")
    return signature(**{name: np.asarray(inputs[name], np.float32)[None] for name in wanted})


def decide(facts: dict, probabilities: np.ndarray) -> str:
    given = facts["decision"]["thresholds"]
    thresholds = np.array([given[name] for name in facts["classes"]], float)
    if not (np.isfinite(thresholds) & (thresholds > 0)).all():
        raise ValueError("the thresholds of 'decision' in metadata.json must be above 0")
    return facts["classes"][int((probabilities / thresholds).argmax())]


if __name__ == "__main__":
    try:
        if not 3 <= len(sys.argv) <= 6:
            raise ValueError("usage: predict_tflite.py MODEL PHOTOGRAPH [AGE [SEX [SITE]]]")
        main(*sys.argv[1:])
    except Exception as error:  # whatever is wrong with a file: no answer, and one sentence
        print(f"Error: {error}.", file=sys.stderr)
        sys.exit(2)
