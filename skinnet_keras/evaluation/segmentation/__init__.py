"""Scores, tables and pictures of segmentation networks."""
