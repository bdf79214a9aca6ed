// Package soak holds the binary under load that means harm: clients that vanish, stall and
// flood, backends that die and lie, and configurations that change meanwhile. What one
// request may get is tested elsewhere; here is what must hold for all of them together:
// every answer belongs to its request, nothing is left behind, nobody pays for another.
//
// "make soak" runs it for long, "go test" for seconds; "go test -short" moves less data.
// It needs Linux, for /proc. It belongs to tests only and exports nothing.
package soak
