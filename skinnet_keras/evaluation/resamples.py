"""The one number of resamples, in a module that the command line imports at no cost."""

DEFAULT_RESAMPLES = 10_000
