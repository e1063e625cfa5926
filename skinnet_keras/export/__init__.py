"""Trained models as artefacts for servers, phones and browsers, with proof of parity."""
