#!/usr/bin/env bash
# Resolves pyproject.toml into the locks, for every supported Python and platform at once.
#
#   run.lock    what `make demo` needs: foliot, the embedded servers, the build backend
#   image.lock  the same without the embedded servers, and with the extras ai, draw, s3 and
#               otlp-http, so that models can be asked, a server draws pictures, objects may be in
#               S3 and traces go by HTTP: what the container image holds
#   dev.lock    the same as run.lock, with those extras, and the tools of `make test` and `make check`
#   release.lock  what builds, describes and looks over a release, and is never beside foliot
#   deploy.lock   what checks and tries the deployment: Envoy, and what reads compose files and charts
#
# Versions already locked stay as they are; --upgrade, or --upgrade-package NAME, moves them.
set -euo pipefail
cd "$(dirname "$0")/.."
lock() { .venv/bin/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 \
         --generate-hashes --no-header --no-annotate --group build "$@"; }
lock --extra embedded "$@" --output-file requirements/run.lock
lock --extra ai --extra draw --extra s3 --extra otlp-http --constraint requirements/run.lock \
     --output-file requirements/image.lock
lock --extra embedded --extra ai --extra draw --extra s3 --extra otlp-http --group dev \
     --constraint requirements/run.lock --output-file requirements/dev.lock
.venv/bin/uv pip compile --group pyproject.toml:release --quiet --universal --python-version 3.11 \
     --generate-hashes --no-header --no-annotate "$@" --output-file requirements/release.lock
.venv/bin/uv pip compile --group pyproject.toml:deploy --quiet --universal --python-version 3.11 \
     --generate-hashes --no-header --no-annotate "$@" --output-file requirements/deploy.lock
