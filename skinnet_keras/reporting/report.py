"""The page about one run, or about several on the same images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skinnet_keras import __version__
from skinnet_keras.errors import UserError
from skinnet_keras.evaluation import tables
from skinnet_keras.evaluation.card.build import build_card
from skinnet_keras.evaluation.decisions.costs import Costs
from skinnet_keras.evaluation.metrics import evaluate_predictions
from skinnet_keras.evaluation.paired import compare_paired
from skinnet_keras.evaluation.paired_tables import mcnemar_table, paired_differences
from skinnet_keras.evaluation.predictions import (
    Predictions,
    predictions_path,
    read_predictions,
    unique_names,
)
from skinnet_keras.evaluation.subgroups.report import subgroup_report
from skinnet_keras.reporting.blocks import Block, Section, TableBlock
from skinnet_keras.reporting.card_section import card_section
from skinnet_keras.reporting.decisions import decision_sections
from skinnet_keras.reporting.experiment import (
    data_section,
    environment_section,
    training_section,
)
from skinnet_keras.reporting.gallery import Photographs, gallery_section
from skinnet_keras.reporting.limits import limits_section
from skinnet_keras.reporting.networks import network_sections
from skinnet_keras.reporting.page import render_page
from skinnet_keras.reporting.performance import class_section, lead_sentence, summary_section
from skinnet_keras.reporting.subgroup_input import subgroup_input
from skinnet_keras.reporting.subgroups import subgroup_section
from skinnet_keras.runs.opened import OpenedRun

FOOTER = f"Made by skinnet_keras {__version__}. For research; not a medical device."


@dataclass(frozen=True)
class Subject:
    """What a page is about.

    Attributes:
        name: Its short name.
        run: The run, or None for predictions of other systems.
        scored: The labelled predictions.
        report: Their figures, as `evaluate_predictions` returns them.
    """

    name: str
    run: OpenedRun | None
    scored: Predictions
    report: Mapping[str, Any]


def read_subjects(
    sources: Sequence[Path],
    *,
    split: str,
    bootstrap: int,
    seed: int,
    data: Path | None = None,
) -> list[Subject]:
    """Read and score runs or predictions files.

    Args:
        sources: Run directories or predictions files.
        split: Which predictions of a run.
        bootstrap: Resamples behind the intervals.
        seed: Seed of the bootstrap.
        data: Where the catalogue of the one run lies now, as for `Run.open`.

    Raises:
        UserError: A source is no run and no predictions file, holds no labelled row, or is named
            twice.
    """
    subjects = []
    for name, source in zip(unique_names(sources), sources, strict=True):
        file = predictions_path(source, split)
        scored = read_predictions(file).scored()
        if not scored.labels:
            raise UserError(f"{file} holds no labelled row: there is nothing to report.")
        # Ensembles and cross-validations have predictions of their own, but no single config.
        is_run = source.is_dir() and (source / "config.yaml").is_file()
        is_run = is_run and (source / "environment.json").is_file()
        if data is not None and not is_run:
            raise UserError(f"{source} is no run: --data goes with one, for its catalogue.")
        run = OpenedRun.open(source, data=data) if is_run else None
        report = evaluate_predictions(scored, bootstrap=bootstrap, seed=seed)
        subjects.append(Subject(name, run, scored, report))
    return subjects


def render_report(
    subject: Subject,
    costs: Costs,
    *,
    split: str,
    pictures: int,
    bootstrap: int,
    seed: int,
    explanations: Path | None = None,
    ood: Path | None = None,
) -> str:
    """The page about one run or predictions file.

    Args:
        subject: What it is about.
        costs: Of mistakes, for the decisions.
        split: Which predictions these are, for the title.
        pictures: Pictures of a gallery at most; 0 for a page without photographs.
        bootstrap: Resamples behind the intervals.
        seed: Seed of the bootstrap.
        explanations: Folder that `skinnet explain` wrote; None for `explanations` in the run, which
            may be missing.
        ood: File that `skinnet ood` wrote; None for `ood.json` in the run, likewise.

    Raises:
        UserError: The run's catalogue is gone or has changed, its images cannot be read, or
            `explanations` or `ood` is named and is not of this run's weights.
    """
    name, scored, opened = subject.name, subject.scored, subject.run
    sections = [
        summary_section(subject.report, scored, name),
        class_section(subject.report, scored, name),
    ]
    run = None if opened is None else opened.run
    if opened is not None and run is not None:
        catalogue = opened.catalogue
        if split == "test" and (run.directory / "predictions_val.csv").is_file():
            validation = read_predictions(run.directory / "predictions_val.csv").scored()
            sections += decision_sections(
                validation, scored, costs, name, bootstrap=bootstrap, seed=seed
            )
        given = subgroup_input(run.directory, catalogue, split, None)
        subgroups = subgroup_report(given.scored, given.attributes, bootstrap=bootstrap, seed=seed)
        sections.append(subgroup_section(subgroups, given.notes))
        if pictures:
            sections.append(gallery_section(scored, Photographs.of_run(opened), pictures))
        sections += network_sections(run, name, pictures, explanations=explanations, ood=ood)
        training = training_section(run)
        sections += [data_section(catalogue), *([training] if training else [])]
        sections.append(environment_section(run))
        card = build_card(
            run.directory, run.config, catalogue, split, scored, subgroups, metrics=subject.report
        )
        sections.append(card_section(card))
    elif explanations is not None or ood is not None:
        raise UserError(f"{name} is no run: --explanations and --ood go with the run they are of.")
    sections.append(limits_section(run))
    lead = lead_sentence(subject.report, scored, name)
    return render_page(f"{name}: {split} split", lead, sections, FOOTER)


def render_comparison(subjects: Sequence[Subject], *, split: str, bootstrap: int, seed: int) -> str:
    """The page that compares runs on the same images with the first of them.

    Args:
        subjects: Two or more.
        split: Which predictions these are, for the title.
        bootstrap: Resamples behind the intervals of the differences.
        seed: Seed of the bootstrap.

    Raises:
        UserError: They were not scored on the same images with the same labels.
    """
    first, *others = subjects
    for other in others:
        _check_same_images(first, other)
    reports = {subject.name: subject.report for subject in subjects}
    runs = {subject.name: subject.scored for subject in subjects}
    paired = compare_paired(runs, bootstrap=bootstrap, seed=seed)
    differences = paired_differences(paired, first.name, bootstrap=bootstrap)
    compared: list[Block] = [
        TableBlock(tables.comparison(reports)),
        TableBlock(differences),
        TableBlock(mcnemar_table(paired, first.name), folded=True),
    ]
    sections = [
        Section("comparison", "Comparison", compared),
        Section("classes", "By class", _per_class_blocks(subjects)),
        limits_section(next((s.run.run for s in subjects if s.run is not None), None)),
    ]
    best = max(subjects, key=lambda subject: subject.report["balanced_accuracy"] or 0.0)
    lead = (
        f"Of {len(subjects)} models on the same {first.report['n']:,} images, {best.name} has the "
        f"highest balanced accuracy, {best.report['balanced_accuracy']:.3f}; "
        f"{first.name}, which the others are compared with, has "
        f"{first.report['balanced_accuracy']:.3f}."
    )
    return render_page(f"Comparison, {split} split", lead, sections, FOOTER)


def _per_class_blocks(subjects: Sequence[Subject]) -> list[Block]:
    classes = subjects[0].scored.classes
    rows = tuple(
        (
            label,
            str(subjects[0].report["per_class"][label]["support"]),
            *(
                tables.format_cell("recall", s.report["per_class"][label]["recall"])
                for s in subjects
            ),
        )
        for label in classes
    )
    headings = ("Class", "Images", *(subject.name for subject in subjects))
    recall = tables.Table("Recall by class", headings, rows)
    details = [TableBlock(tables.per_class(s.report, s.name), folded=True) for s in subjects]
    return [TableBlock(recall), *details]


def _check_same_images(first: Subject, other: Subject) -> None:
    labels = dict(zip(first.scored.image_ids, first.scored.labels, strict=True))
    others = dict(zip(other.scored.image_ids, other.scored.labels, strict=True))
    if labels != others:
        raise UserError(
            f"{first.name} and {other.name} were not scored on the same images with the same "
            "labels: a page that compares them would mislead."
        )
