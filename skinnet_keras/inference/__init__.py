"""Predicting with trained models: of runs, of exported files, of photographs and catalogues."""
