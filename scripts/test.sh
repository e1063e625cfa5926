#!/usr/bin/env bash
# Lint, types, import rules, tests: bash scripts/test.sh [pytest arguments]
set -euo pipefail
source "$(dirname "$0")/environment.sh"
prepare_environment "[dev,jax,classical,wandb,tensorboard]"
.venv/bin/ruff check .
.venv/bin/ruff format --check .
.venv/bin/mypy
.venv/bin/lint-imports
# Two processes: the tests of one file share their fixtures.
exec .venv/bin/python -m pytest -n 2 --dist loadfile "$@"
