package upstream

import (
	"errors"
	"io"
	"net"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// A place is told of when it begins to fail, for another reason, or is well again; never twice within a
// second, and what is true after that is told then.
func TestChangesAreToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []string
		c := changes{place: "a:80", tell: func(place string, err error) {
			word := "well"
			if err != nil {
				word = FailureOf(err).Word
			}
			told = append(told, place+" "+word)
		}}
		refused := &ConnectError{"a:80", syscall.ECONNREFUSED}
		unnamed := &ConnectError{"a:80", &net.DNSError{Err: "no such host", IsNotFound: true}}
		for _, err := range []error{nil, refused, refused, nil, refused, nil} {
			c.note(err) // within no time: only the first that is new
		}
		for _, err := range []error{refused, unnamed, unnamed, nil, nil} {
			time.Sleep(tellEvery)
			c.note(err)
		}
		if want := []string{"a:80 connect", "a:80 name", "a:80 well"}; !slices.Equal(told, want) {
			t.Errorf("told %q, want %q", told, want)
		}
		silent := &changes{} // nobody is told, and it can be asked
		silent.note(refused)
		began := time.Now()
		time.Sleep(time.Second)
		silent.note(unnamed)
		if got := silent.failing(); got == nil || *got != (Failing{"name", began, 2}) {
			t.Errorf("failing: %v", got)
		}
		if silent.note(nil); silent.failing() != nil {
			t.Errorf("failing, although all is well: %v", silent.failing())
		}
	})
}

func TestWhyNoConnection(t *testing.T) {
	for _, c := range []struct {
		err  error
		want Failure
	}{
		{syscall.ECONNREFUSED, Unreachable},
		{io.EOF, Unreachable},
		{&net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", IsNotFound: true}}, Unresolved},
		{&net.OpError{Op: "dial", Err: &net.DNSError{Err: "i/o timeout", IsTimeout: true}}, Unresolved},
		{&net.OpError{Op: "dial", Err: &net.DNSError{Err: "dial udp: socket: too many open files"}}, Exhausted},
		{&net.OpError{Op: "dial", Err: syscall.EMFILE}, Exhausted},
		{&net.OpError{Op: "dial", Err: syscall.EADDRNOTAVAIL}, Exhausted},
	} {
		if got := FailureOf(errors.Join(&ConnectError{"a:80", c.err})); got != c.want {
			t.Errorf("%v: %v, want %v", c.err, got, c.want)
		}
	}
}
