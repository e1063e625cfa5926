"""What of a card answers a checklist's item: one function an answer, None = the run does not know.

The checklists name these answers; several items share one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from skinnet_keras.evaluation.card import data_answers as data
from skinnet_keras.evaluation.card import model_answers as model
from skinnet_keras.evaluation.card import result_answers as results

ANSWERS: dict[str, Callable[[Mapping[str, Any]], str | None]] = {
    "architecture": model.architecture,
    "availability": model.availability,
    "class_balance": model.class_balance,
    "classes": model.classes,
    "cleaning": model.cleaning,
    "clusters": results.clusters,
    "demographics": data.demographics,
    "diagnostic": results.diagnostic,
    "differences": results.differences,
    "disjoint": data.disjoint,
    "eligibility": data.eligibility,
    "ensembling": model.ensembling,
    "external_test": results.external_test,
    "failures": results.failures,
    "flow": data.flow,
    "initialisation": model.initialisation,
    "inputs": model.inputs,
    "intended_use": model.intended_use,
    "internal_test": results.internal_test,
    "labels": data.labels,
    "limitations": results.limitations,
    "metrics": results.metrics,
    "missing_data": data.missing_data,
    "model_selection": model.model_selection,
    "output": model.output,
    "outside": data.outside,
    "partitions": data.partitions,
    "performance": results.performance,
    "predictions": results.predictions,
    "preprocessing": model.preprocessing,
    "protocol": model.protocol,
    "retrospective": data.retrospective,
    "robustness": results.robustness,
    "sample_sizes": data.sample_sizes,
    "skin_tone": data.skin_tone,
    "software": model.software,
    "sources": data.sources,
    "subsets": data.subsets,
    "synthetic": data.synthetic,
    "technology": model.technology,
    "training": model.training,
    "uncertainty": results.uncertainty,
    "updating": results.updating,
}
