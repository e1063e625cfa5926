"""Evaluation from stored predictions: metrics, tables, intervals, plots."""
