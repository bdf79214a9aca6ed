package audit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// sink is a destination that can be told to block, to fail and to write in part.
type sink struct {
	mu     sync.Mutex
	out    bytes.Buffer
	writes int
	plan   func(call int, p []byte) (int, error) // nil: write all
	gate   chan struct{}                         // nil: open
}

func (s *sink) Write(p []byte) (int, error) {
	if s.gate != nil {
		<-s.gate
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes++
	n, err := len(p), error(nil)
	if s.plan != nil {
		n, err = s.plan(s.writes, p)
	}
	s.out.Write(p[:n])
	return n, err
}

func (s *sink) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.String()
}

func (s *sink) calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writes
}

func mustWrite(t *testing.T, w *Writer, line string) {
	t.Helper()
	if n, err := w.Write([]byte(line)); n != len(line) || err != nil {
		t.Fatalf("Write returned %d, %v", n, err)
	}
}

func TestWriterAtOnceThenTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s sink
		w := NewWriter(&s, WriterOptions{})
		mustWrite(t, w, "1\n")
		synctest.Wait()
		if got := s.text(); got != "1\n" {
			t.Errorf("the first line did not come out at once: %q", got)
		}
		for i := 2; i <= 50; i++ {
			mustWrite(t, w, fmt.Sprintf("%d\n", i))
			synctest.Wait()
		}
		if s.calls() != 1 {
			t.Errorf("%d writes within the interval", s.calls())
		}
		time.Sleep(defaultFlushInterval)
		synctest.Wait()
		if s.calls() != 2 || strings.Count(s.text(), "\n") != 50 {
			t.Errorf("%d writes, %d lines", s.calls(), strings.Count(s.text(), "\n"))
		}
		time.Sleep(time.Minute)
		mustWrite(t, w, "late") // without a newline
		synctest.Wait()
		if !strings.HasSuffix(s.text(), "50\nlate\n") {
			t.Errorf("after a pause: %q", s.text())
		}
		if err := w.Close(time.Second); err != nil {
			t.Error(err)
		}
	})
}

func TestWriterHalfFullIsEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s sink
		w := NewWriter(&s, WriterOptions{BufferBytes: 100, FlushInterval: time.Hour})
		mustWrite(t, w, "first\n")
		synctest.Wait()
		for range 25 {
			mustWrite(t, w, "123456789\n")
			synctest.Wait()
		}
		if n := strings.Count(s.text(), "\n"); n != 26 {
			t.Errorf("%d of 26 lines without waiting an hour", n)
		}
		if err := w.Close(time.Second); err != nil {
			t.Error(err)
		}
	})
}

// A line that is larger than the buffer is written if nothing else waits.
func TestWriterLargeLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s sink
		var dropped atomic.Int64
		w := NewWriter(&s, WriterOptions{BufferBytes: 100, FlushInterval: time.Hour, Dropped: func(n int) { dropped.Add(int64(n)) }})
		large := strings.Repeat("x", 1000) + "\n"
		mustWrite(t, w, large)
		synctest.Wait()
		mustWrite(t, w, "small\n") // waits for an hour to be over
		mustWrite(t, w, large)
		if err := w.Close(time.Second); err != nil {
			t.Error(err)
		}
		if s.text() != large+"small\n" || dropped.Load() != 1 {
			t.Errorf("%d bytes, %d dropped", len(s.text()), dropped.Load())
		}
	})
}

func TestWriterBlocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := sink{gate: make(chan struct{})}
		var dropped atomic.Int64
		w := NewWriter(&s, WriterOptions{BufferBytes: 100, Dropped: func(n int) { dropped.Add(int64(n)) }})
		for range 30 { // ten fit; the sleepless bubble proves that none of them blocks
			mustWrite(t, w, "123456789\n")
			synctest.Wait()
		}
		mustWrite(t, w, strings.Repeat("x\n", 51)) // never fits, counts as 51
		if got := dropped.Load(); got != 20+51 {
			t.Errorf("dropped %d", got)
		}
		close(s.gate)
		time.Sleep(time.Second)
		mustWrite(t, w, "again\n")
		if err := w.Close(time.Second); err != nil {
			t.Error(err)
		}
		if got, want := s.text(), strings.Repeat("123456789\n", 10)+"again\n"; got != want {
			t.Errorf("got %q", got)
		}
	})
}

// Like a disk that is full and has room again: nothing that was accepted is lost, and no
// line is cut in half or written twice.
func TestWriterResumes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var failed []error
		s := sink{plan: func(call int, p []byte) (int, error) {
			switch {
			case call == 1:
				return 3, syscall.ENOSPC
			case call < 5:
				return 0, syscall.ENOSPC
			case call == 5:
				return min(len(p), 2), nil // short, without an error
			case call == 6:
				return len(p), io.ErrClosedPipe // all, with an error
			}
			return len(p), nil
		}}
		w := NewWriter(&s, WriterOptions{FlushInterval: -1, Failed: func(err error) { failed = append(failed, err) }})
		want := ""
		for i := range 20 {
			line := fmt.Sprintf("line %d\n", i)
			want += line
			mustWrite(t, w, line)
			time.Sleep(100 * time.Millisecond)
		}
		if err := w.Close(time.Minute); err != nil {
			t.Error(err)
		}
		if got := s.text(); got != want {
			t.Errorf("got %q", got)
		}
		if len(failed) != 6 || !errors.Is(failed[0], syscall.ENOSPC) || !errors.Is(failed[4], io.ErrShortWrite) {
			t.Errorf("failed %v", failed)
		}
	})
}

func TestWriterCloseGivesUp(t *testing.T) {
	f := func(name string, s *sink) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if name == "blocked" {
					s.gate = make(chan struct{}) // of this bubble
				}
				var dropped atomic.Int64
				w := NewWriter(s, WriterOptions{Dropped: func(n int) { dropped.Add(int64(n)) }})
				mustWrite(t, w, "1\n")
				synctest.Wait()
				mustWrite(t, w, "2\n3\n")
				start := time.Now()
				err := w.Close(3 * time.Second)
				if err == nil || !strings.Contains(err.Error(), "3 lines") {
					t.Errorf("Close returned %v", err)
				}
				if took := time.Since(start); took != 3*time.Second {
					t.Errorf("Close took %v", took)
				}
				mustWrite(t, w, "late\n")
				if got := dropped.Load(); got != 4 {
					t.Errorf("dropped %d", got)
				}
				if s.gate != nil {
					close(s.gate) // the bubble ends only if the goroutine does
				}
				if err := w.Close(time.Second); err != nil {
					t.Errorf("second Close returned %v", err)
				}
			})
		})
	}
	f("blocked", &sink{})
	f("failing", &sink{plan: func(int, []byte) (int, error) { return 0, syscall.EIO }})
}

func TestWriterCloseEmpty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := NewWriter(io.Discard, WriterOptions{})
		for range 2 {
			if err := w.Close(time.Second); err != nil {
				t.Error(err)
			}
		}
		if _, err := w.Write(nil); err != nil {
			t.Error(err)
		}
	})
}

// Many goroutines, a destination that writes in pieces: every line is whole, each
// goroutine's lines are in order, and what is missing was counted.
func TestWriterConcurrent(t *testing.T) {
	const writers, each = 8, 2000
	s := sink{plan: func(call int, p []byte) (int, error) {
		if call%3 == 0 {
			return len(p) / 2, nil
		}
		return len(p), nil
	}}
	var dropped atomic.Int64
	w := NewWriter(&s, WriterOptions{BufferBytes: 16 << 10, FlushInterval: -1, Dropped: func(n int) { dropped.Add(int64(n)) }})
	var group sync.WaitGroup
	for i := range writers {
		group.Go(func() {
			for k := range each {
				mustWrite(t, w, fmt.Sprintf("%d %d %s\n", i, k, strings.Repeat("x", k%50)))
			}
		})
	}
	group.Wait()
	if err := w.Close(time.Minute); err != nil {
		t.Fatal(err)
	}
	last := make([]int, writers)
	for i := range last {
		last[i] = -1
	}
	lines := 0
	for line := range strings.Lines(s.text()) {
		lines++
		var i, k int
		if _, err := fmt.Sscanf(line, "%d %d", &i, &k); err != nil {
			t.Fatalf("%v: %q", err, line)
		}
		if want := fmt.Sprintf("%d %d %s\n", i, k, strings.Repeat("x", k%50)); line != want {
			t.Fatalf("broken line %q", line)
		}
		if k <= last[i] {
			t.Fatalf("line %d of %d after %d", k, i, last[i])
		}
		last[i] = k
	}
	if lines+int(dropped.Load()) != writers*each {
		t.Errorf("%d lines and %d dropped", lines, dropped.Load())
	}
}

// BenchmarkWriter compares what a line costs its writer, and how many writes reach the
// destination, when lines come one by one at a rate that a busy pod has.
func BenchmarkWriter(b *testing.B) {
	line := []byte(strings.Repeat("x", 499) + "\n")
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer null.Close()
	f := func(name string, interval time.Duration) {
		b.Run(name, func(b *testing.B) {
			s := sinkCounter{w: null}
			var dropped atomic.Int64
			w := NewWriter(&s, WriterOptions{FlushInterval: interval, Dropped: func(n int) { dropped.Add(int64(n)) }})
			b.ReportAllocs()
			for b.Loop() {
				_, _ = w.Write(line)
				runtime.Gosched() // as a server does between two requests
			}
			_ = w.Close(time.Second)
			b.ReportMetric(float64(s.calls.Load())/float64(b.N), "writes/op")
			b.ReportMetric(float64(dropped.Load())/float64(b.N), "dropped/op")
		})
	}
	f("every 100ms", 0)
	f("at once", -1)
}

type sinkCounter struct {
	w     io.Writer
	calls atomic.Int64
}

func (s *sinkCounter) Write(p []byte) (int, error) {
	s.calls.Add(1)
	return s.w.Write(p)
}

// TestWriterParts: a part of a line is written as it is, in its place between lines.
func TestWriterParts(t *testing.T) {
	var s sink
	w := NewWriter(&s, WriterOptions{FlushInterval: -1})
	w.WritePart([]byte("\rcompiling"))
	w.WritePart([]byte("\r"))
	if _, err := w.Write([]byte("serving")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(time.Minute); err != nil {
		t.Fatal(err)
	}
	if got, want := s.out.String(), "\rcompiling\rserving\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
