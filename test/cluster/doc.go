// Package cluster holds the manifests to what they promise: that they render and load, that an
// API server takes them, and that on a real cluster the tier blocks, scales, drains and reloads
// without losing a request.
//
// The first two run with every "make test"; the API server, if KUBEBUILDER_ASSETS names the
// folder with its binary. The third is "make e2e", on the cluster that KUBECONFIG names.
package cluster
