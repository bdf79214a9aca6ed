// Package apiserver shows the manifests to a real kube-apiserver, which sees what types cannot:
// defaults, validation across fields, and the pod security standard.
package apiserver
