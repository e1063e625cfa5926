"""The `skinnet` command line, one module a verb."""
