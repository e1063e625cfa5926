"""Blocks that several segmentation networks are made of, one idea a file."""
