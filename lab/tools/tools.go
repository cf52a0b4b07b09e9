//go:build tools

// Package tools pins the programs that the lab takes from other projects.
package tools

import (
	_ "helm.sh/helm/v4/cmd/helm"
)
