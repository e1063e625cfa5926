"""Decisions by what errors cost."""
