"""What the figures of a report do not say."""

from __future__ import annotations

from skinnet_keras.reporting.blocks import Paragraph, Section
from skinnet_keras.runs.run import Run
from skinnet_keras.runs.view_record import read_tta

_ALWAYS = (
    "For research. Not a medical device, not medical advice: no figure here says what the model "
    "does in a clinic.",
    "The images come from a few public collections of specialised clinics, most of lesions that "
    "somebody found suspicious. Other cameras, other patients and other reasons to take a picture "
    "give other figures.",
    "Skin tone is not recorded in most of these collections, so nothing here says how the model "
    "does on dark skin.",
    "Intervals tell how the figures vary with the lesions that happen to be in the test split. "
    "They do not hold the variation from one training to the next, nor that between clinics.",
)
_METADATA = (
    "The model sees age, sex and site, and which of them are missing. In merged collections these "
    "give the source away, and the source the class: compare with a run without metadata before "
    "you credit the image."
)
_IN_SAMPLE = (
    "The masks come from the segmentation network of this same run, which was trained on some of "
    "the training images: the classifier saw better masks in training than it sees on new images."
)


def limits_section(run: Run | None) -> Section:
    """The limits of every report, and those of this run."""
    texts = list(_ALWAYS)
    if run is not None and run.config.model is not None and run.config.model.metadata:
        texts.append(_METADATA)
    if run is not None and run.config.uses_mask and run.config.stages.segmentation:
        texts.append(_IN_SAMPLE)
    averaged = None if run is None else read_tta(run.directory)
    if averaged is not None:
        texts.append(averaged.sentence)
    return Section("limits", "Limits", [Paragraph(text) for text in texts])
