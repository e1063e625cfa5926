"""Selective prediction: the least certain images are left to a human."""
