#!/usr/bin/env bash
# Resolves pyproject.toml into the two locks, for every supported Python and platform at once.
set -euo pipefail
cd "$(dirname "$0")/.."
lock() { .venv/bin/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 \
         --generate-hashes --no-header --no-annotate --extra embedded --group build "$@"; }
lock --output-file requirements/run.lock
lock --group dev --constraint requirements/run.lock --output-file requirements/dev.lock
