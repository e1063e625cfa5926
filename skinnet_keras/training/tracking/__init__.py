"""Experiment trackers: thin, optional, and never the reason why a training ends."""

from __future__ import annotations

from skinnet_keras.training.tracking.opening import check_tracking, open_tracker
from skinnet_keras.training.tracking.tracker import Backend, Tracker

__all__ = ["Backend", "Tracker", "check_tracking", "open_tracker"]
