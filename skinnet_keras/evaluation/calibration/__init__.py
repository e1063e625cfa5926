"""Calibrated probabilities: fitted on validation, measured on other images."""
