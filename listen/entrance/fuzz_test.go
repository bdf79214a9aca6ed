package entrance

import (
	"strings"
	"testing"
)

// FuzzClearText lets a client begin with anything, in two pieces. Nothing of it is lost, and what begins as HTTP/2 does, and
// nothing else, is handed over.
func FuzzClearText(f *testing.F) {
	f.Add("GET / HTTP/1.1\r\n", "Host: a\r\n\r\n")
	f.Add(preface, "\x00\x00")
	f.Add("PRI * HTTP/2.0\r\n\r", "\nSM\r\n\r\n")
	f.Add("PRI * HTTP/2.0\r\n\r\n", "SM\r\n\rX")
	f.Fuzz(func(t *testing.T, first, second string) {
		if first == "" || second == "" {
			return // a pipe tells nobody of an empty write
		}
		got, all := arrive(t, Options{}, first, second), first+second
		switch {
		case got.handedOver != strings.HasPrefix(all, preface):
			t.Errorf("%q: %+v", all, got)
		case got.handedOver && !strings.HasPrefix(all, got.early):
			t.Errorf("%q: HTTP/2 gets %q", all, got.early)
		case !got.handedOver && got.read != all:
			t.Errorf("%q: HTTP/1 reads %q", all, got.read)
		}
	})
}
