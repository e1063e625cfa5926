#!/usr/bin/env bash
# The whole pipeline on generated lesions: bash scripts/demo.sh [--out DIR]
set -euo pipefail
source "$(dirname "$0")/environment.sh"
prepare_environment ""
exec .venv/bin/skinnet demo "$@"
