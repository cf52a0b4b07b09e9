//go:build tools

// Package tools pins what the lab takes from the projects around Prometheus: promtool, and the CustomResourceDefinitions
// of the Prometheus operator, which are files beside its source.
package tools

import (
	_ "github.com/prometheus-operator/prometheus-operator/pkg/versionutil"
	_ "github.com/prometheus/prometheus/cmd/promtool"
)
