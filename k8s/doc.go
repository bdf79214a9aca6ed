// Package k8s puts the tier in front of what runs in a cluster: it reads manifests, from
// files or from the API, and writes manifests, route entries and findings.
//
// Protect plans the insertion of the tier before a Service and the way back. Verify asks
// from inside the cluster whether the tier is in the way and nothing leads around it.
// ImportIngressNginx turns Ingress objects of ingress-nginx into routes and policies.
//
// Nothing here changes a cluster: what is to change is printed, for kubectl. What cannot
// be done safely, or is for people to decide, becomes a Note and is never guessed.
//
// Route entries are written in the format of the route file, whose one definition is
// package config; tests load what is written here through it.
//
// The functions keep no state and may be called concurrently on different values.
package k8s
