// Package cluster holds the manifests to what they promise: that they render, that their fields
// exist and fit each other, that what is in them loads, and that on a real cluster the tier
// blocks, scales, drains and reloads without losing a request.
//
// Most of it runs with every "make test". The last is "make e2e", on the cluster that KUBECONFIG
// names. What an API server says about the manifests is in test/k8s.
package cluster
