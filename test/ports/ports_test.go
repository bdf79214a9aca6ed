package ports_test

import (
	"net"
	"testing"

	"github.com/wafer-waf/wafer/test/ports"
)

func TestFree(t *testing.T) {
	got := map[string]bool{}
	for range 500 {
		at := ports.Address(t)
		if got[at] {
			t.Fatalf("%s is given twice", at)
		}
		got[at] = true
		if conn, err := net.Dial("tcp", at); err == nil {
			_ = conn.Close()
			t.Fatalf("somebody listens at %s", at)
		}
	}
	for at := range got {
		for range 2 {
			ln, err := net.Listen("tcp", at)
			if err != nil {
				t.Fatal(err)
			}
			if err := ln.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}
