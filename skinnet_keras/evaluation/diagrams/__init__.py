"""Keras graphs drawn as the paper's figures 2-5."""
