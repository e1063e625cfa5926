"""What the report says of a run's data."""

from __future__ import annotations

from skinnet_keras.reporting.blocks import Paragraph
from skinnet_keras.reporting.experiment import data_section
from small_catalogue import write_small_catalogue


def test_lesions_and_patients_that_are_not_known_are_said(tmp_path):
    catalogue = write_small_catalogue(tmp_path)
    paragraphs = [own for own in data_section(catalogue).blocks if isinstance(own, Paragraph)]
    assert paragraphs[1] == Paragraph(
        "Not known: ham10000 has no patient ids; 5 of 6 images of isic2019 have neither a lesion "
        "nor a patient id.",
        "warning",
    )
    known = catalogue.with_table(catalogue.table.assign(lesion_id="a", patient_id="b"))
    assert len([own for own in data_section(known).blocks if isinstance(own, Paragraph)]) == 1
