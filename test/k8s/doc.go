// Package k8s runs the commands of "wafer k8s" for real: verify against tiers and
// applications on loopback, and what protect prints against an API server, if one is there.
package k8s
