package http2

import (
	"bytes"
	"testing"

	"golang.org/x/net/http2"
)

// TestSlowReader keeps what is held of a body within its window: who reads more slowly than the endpoint sends has always
// something left to read.
func TestSlowReader(t *testing.T) {
	s := newStream(&Conn{}, false)
	s.final = true
	var wire bytes.Buffer
	frames := http2.NewFramer(&wire, &wire)
	piece := make([]byte, maxFrame)
	p := make([]byte, 4<<10)
	sent, read := 0, 0
	for read < 64*Window {
		for s.open >= len(piece) {
			for i := range piece {
				piece[i] = byte((sent + i) % 251)
			}
			if err := frames.WriteData(1, false, piece); err != nil {
				t.Fatal(err)
			}
			f, err := frames.ReadFrame()
			if err != nil {
				t.Fatal(err)
			}
			if wrong := s.takeData(f.(*http2.DataFrame), len(piece)); wrong != "" {
				t.Fatal(wrong)
			}
			sent += len(piece)
		}
		n, _ := s.read(p)
		for i := range n {
			if p[i] != byte((read+i)%251) {
				t.Fatalf("byte %d is another one", read+i)
			}
		}
		read += n
		if cap(s.buf) > 4*Window {
			t.Fatalf("%d bytes are held after %d were read, of a window of %d", cap(s.buf), read, Window)
		}
	}
}
