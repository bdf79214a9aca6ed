// Package e2e tests the binary from outside: a real process between real sockets, asked
// by clients and backed by servers that the tests write themselves. What a single package
// promises is tested there; here are the promises that only the whole can keep.
//
// It belongs to tests only and exports nothing.
package e2e
