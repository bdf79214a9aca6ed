// Package ports finds ports that stay free. It belongs to tests only.
//
// A port that a listener had and left is given to the next one who asks the system for any, or becomes the own end of a
// connection: what is to listen there, or is to find nobody, meets somebody else now and then.
package ports

import (
	"math/rand/v2"
	"net"
	"strconv"
	"testing"
)

// Systems choose ports from 32768 on, or above.
const first, last = 10_000, 29_999

// Free is a port of loopback where nobody listens, and that is nobody else's until the test ends. Who listens there may stop,
// and listen again.
func Free(tb testing.TB) int {
	tb.Helper()
	for range 1000 {
		port := first + rand.IntN(last-first+1)
		at := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		mine, err := net.ListenPacket("udp", at) // who else wants the port asks for it in the same way
		if err != nil {
			continue
		}
		if ln, err := net.Listen("tcp", ":"+strconv.Itoa(port)); err != nil {
			_ = mine.Close()
			continue
		} else if err := ln.Close(); err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { _ = mine.Close() })
		return port
	}
	tb.Fatal("no port is free")
	return 0
}

// Address is one of loopback where nobody listens, and that is nobody else's until the test ends.
func Address(tb testing.TB) string {
	tb.Helper()
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(Free(tb)))
}
