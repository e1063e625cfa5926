"""The model card of a run (Mitchell et al. 2019, arXiv:1810.03993) and three reporting checklists.

Everything in a card comes from the run, its catalogue and its predictions, or is a sentence about
what the package does always. What none of them knows is left open for the authors.
"""
