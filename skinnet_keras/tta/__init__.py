"""Test-time augmentation of a run's classifier: its predictions as means over views."""
