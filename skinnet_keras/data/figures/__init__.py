"""Pictures of a catalogue: class distribution (figure 1 of the paper), samples, lesion masks."""

from skinnet_keras.data.figures.distribution import draw_distribution
from skinnet_keras.data.figures.overlays import draw_masks
from skinnet_keras.data.figures.overview import draw_overview
from skinnet_keras.data.figures.samples import draw_samples

__all__ = ["draw_distribution", "draw_masks", "draw_overview", "draw_samples"]
