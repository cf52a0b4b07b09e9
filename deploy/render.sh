#!/usr/bin/env bash
# Renders the chart as its defaults say, for those who use no Helm: install.yaml is everything, rbac.yaml the namespace and
# the rights alone, for an operator that runs outside of the cluster. Writes them to the folder in its argument, else here.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
to=${1:-$PWD}
helm=$(../lab/tools.sh)/helm

# render HEADER ARGUMENT...: without what only Helm has a use for.
render() {
  local header=$1
  shift
  printf '# %s\n# Rendered from deploy/chart by `make generate`.\n' "$header"
  "$helm" template crossaccount-operator chart --namespace crossaccount-system --set namespace.create=true "$@" |
    sed '/^# Source: /d; /helm\.sh\/chart: /d; /app\.kubernetes\.io\/managed-by: Helm/d'
}

render 'All of the operator: kubectl apply --server-side -f install.yaml' --set crds.keep=false >"$to/install.yaml"
only=()
for part in namespace serviceaccount rbac aggregated-roles; do
  only+=(--show-only "templates/$part.yaml")
done
render 'Who the operator is in the cluster, and the least that it may do there.' "${only[@]}" >"$to/rbac.yaml"
