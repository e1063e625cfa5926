"""Masks that somebody should look at are counted, and the first of them named."""

from __future__ import annotations

from skinnet_keras.data.mask_facts import MaskFact, MaskFacts


def test_kinds_are_counted_and_named():
    facts = MaskFacts.collect(
        [
            *(MaskFact(f"s:e{i}", 0.0, 0.0, "") for i in range(5)),
            MaskFact("s:full", 1.0, 1.0, ""),
            MaskFact("s:inverted", 0.8, 0.95, "turned"),
            MaskFact("s:plain", 0.3, 0.1, "undecided"),
        ]
    )
    assert facts.masks == 8
    assert facts.sentences() == [
        "5 of 8 masks without a lesion pixel: s:e0, s:e1, s:e2 and 2 more.",
        "1 of 8 masks with nothing but lesion: s:full.",
        "1 of 8 masks with lesion along nearly all of their border (inverted?): s:inverted.",
        "1 of 8 masks turned as the EXIF orientation turns their images: s:inverted.",
        "1 of 8 masks left as stored, though EXIF turns their images: they fit both ways: s:plain.",
    ]
    assert facts.to_dict()["empty"] == [f"s:e{i}" for i in range(5)]


def test_sound_masks_need_no_word():
    assert MaskFacts.collect([MaskFact("s:a", 0.3, 0.2, "")]).sentences() == []
