package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

func TestFrames(t *testing.T) {
	// f reads the heads of a direction, payloads skipped: opcode, "." if final, length.
	f := func(client bool, sent, want string, wantErr error) {
		t.Helper()
		r := strings.NewReader(sent)
		frames := NewFrames(r, client)
		var got strings.Builder
		for {
			frame, err := frames.Next()
			if err == nil {
				if _, err = io.CopyN(io.Discard, r, frame.Length); err == io.EOF {
					err = io.ErrUnexpectedEOF
				}
				fmt.Fprintf(&got, "%d", frame.Opcode)
				if frame.Final {
					got.WriteByte('.')
				}
				fmt.Fprintf(&got, "%d ", frame.Length)
			}
			if err != nil {
				if got := strings.TrimSpace(got.String()); got != want || !errors.Is(err, wantErr) {
					t.Errorf("%.40q: %q and %v, want %q and %v", sent, got, err, want, wantErr)
				}
				return
			}
		}
	}
	const key = "\x01\x02\x03\x04"
	long := func(n int) string { return strings.Repeat("x", n) }
	f(false, "", "", io.EOF)
	f(false, "\x81\x02hi", "1.2", io.EOF)
	f(true, "\x81\x82"+key+"hi", "1.2", io.EOF)
	f(false, "\x82\x00\x81\x00", "2.0 1.0", io.EOF)
	f(false, "\x01\x01a\x80\x01b", "11 1.1", io.EOF)
	f(false, "\x02\x01a\x89\x01p\x00\x01b\x8a\x00\x80\x00", "21 9.1 21 10.0 2.0", io.EOF)
	f(false, "\x88\x02\x03\xe8", "8.2", io.EOF)
	f(false, "\x81\x7d"+long(125), "1.125", io.EOF)
	f(false, "\x81\x7e\x00\x7e"+long(126), "1.126", io.EOF)
	f(false, "\x81\x7e\xff\xff"+long(65535), "1.65535", io.EOF)
	f(false, "\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"+long(65536), "1.65536", io.EOF)
	f(true, "\x81\xfe\x00\x7e"+key+long(126), "1.126", io.EOF)

	bad := func(client bool, sent, before string) {
		t.Helper()
		f(client, sent, before, ErrFrame)
	}
	bad(true, "\x81\x02hi", "")                                        // not masked
	bad(false, "\x81\x82"+key+"hi", "")                                // masked
	bad(false, "\xc1\x00", "")                                         // reserved bits
	bad(false, "\xa1\x00", "")                                         //
	bad(false, "\x91\x00", "")                                         //
	bad(false, "\x83\x00", "")                                         // opcodes without a meaning
	bad(false, "\x8b\x00", "")                                         //
	bad(false, "\x80\x00", "")                                         // continues nothing
	bad(false, "\x01\x00\x80\x00\x80\x00", "10 1.0")                   //
	bad(false, "\x01\x00\x81\x00", "10")                               // begins within a message
	bad(false, "\x09\x00", "")                                         // a fragment of a control frame
	bad(false, "\x89\x7e\x00\x7e"+long(126), "")                       // a long one
	bad(false, "\x81\x7e\x00\x7d"+long(125), "")                       // lengths that could be shorter
	bad(false, "\x81\x7f\x00\x00\x00\x00\x00\x00\xff\xff"+long(9), "") //
	bad(false, "\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff", "")         // and one below zero

	for _, cut := range []string{"\x81", "\x81\x7e", "\x81\x7e\x00", "\x81\x7f\x00\x00\x00\x00\x00\x01\x00", "\x81\x02h"} {
		f(false, cut, map[bool]string{true: "1.2"}[cut == "\x81\x02h"], io.ErrUnexpectedEOF)
	}
	f(true, "\x81\x82\x01\x02\x03", "", io.ErrUnexpectedEOF)
}

func TestUnmask(t *testing.T) {
	f := Frame{Key: [4]byte{1, 2, 3, 4}}
	payload := []byte("\x01\x02\x03\x04\x05\x06")
	if f.Unmask(payload); string(payload) != "\x00\x00\x00\x00\x04\x04" {
		t.Errorf("%q", payload)
	}
}

// FuzzFrames: whatever is accepted is spelled the one way there is.
func FuzzFrames(f *testing.F) {
	f.Add([]byte("\x81\x82\x01\x02\x03\x04hi\x80"), true)
	f.Add([]byte("\x01\x01a\x89\x00\x80\x7e\x00\x7e"), false)
	f.Fuzz(func(t *testing.T, sent []byte, client bool) {
		r := bytes.NewReader(sent)
		frames := NewFrames(r, client)
		for {
			before := r.Len()
			frame, err := frames.Next()
			if err != nil {
				if err == io.EOF && r.Len() > 0 {
					t.Fatalf("an end with %d bytes to come", r.Len())
				}
				return
			}
			head := frame.Head()
			if at := len(sent) - before; !bytes.Equal(head, sent[at:at+len(head)]) || r.Len() != before-len(head) {
				t.Fatalf("head %q of %q", head, sent)
			}
			size := 2
			switch {
			case frame.Length >= 1<<16:
				size += 8
			case frame.Length > 125:
				size += 2
			}
			if client {
				size += 4
			}
			if frame.Length < 0 || len(head) != size || frame.Control() && (frame.Length > 125 || !frame.Final) {
				t.Fatalf("%+v", frame)
			}
			if _, err := r.Seek(min(frame.Length, int64(r.Len())), io.SeekCurrent); err != nil {
				t.Fatal(err)
			}
		}
	})
}
