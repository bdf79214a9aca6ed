package wire

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// slow gives f a connection whose client speaks through the other end of a pipe, in a
// bubble where time passes at once.
func slow(t *testing.T, o Options, f func(t *testing.T, c *Conn, client net.Conn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		client, sock := net.Pipe()
		c := accepted(o, sock)
		f(t, c, client)
		_ = client.Close()
		_ = c.Close()
		time.Sleep(24 * time.Hour) // the client notices
	})
}

// drip writes s byte by byte, each after a pause.
func drip(w io.Writer, s string, pause time.Duration) {
	for i := range len(s) {
		time.Sleep(pause)
		if _, err := io.WriteString(w, s[i:i+1]); err != nil {
			return
		}
	}
}

// readUntil reads until an error.
func readUntil(c *Conn) (string, error) {
	var all []byte
	p := make([]byte, 32<<10)
	for {
		n, err := c.Read(p)
		all = append(all, p[:n]...)
		if err != nil {
			return string(all), err
		}
	}
}

const plain = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"

func TestSilentConnectionEndsSilently(t *testing.T) {
	slow(t, timed(), func(t *testing.T, c *Conn, _ net.Conn) {
		began := time.Now()
		if got, err := readUntil(c); got != "" || err != io.EOF {
			t.Errorf("read %q, %v", got, err)
		}
		if took := time.Since(began); took != 10*time.Second {
			t.Errorf("after %s", took)
		}
	})
}

func TestIdleConnectionEndsSilently(t *testing.T) {
	f := func(name, sent string) {
		t.Run(name, func(t *testing.T) {
			slow(t, timed(), func(t *testing.T, c *Conn, client net.Conn) {
				go io.WriteString(client, sent) //nolint:errcheck // read below
				began := time.Now()
				if got, err := readUntil(c); got != plain || err != io.EOF {
					t.Errorf("read %q, %v", got, err)
				}
				if took := time.Since(began); took != time.Minute {
					t.Errorf("after %s", took)
				}
			})
		})
	}
	f("nothing", plain)
	f("an empty line", plain+"\r\n")
}

func TestHeadDripIsCut(t *testing.T) {
	f := func(name, before string, wait time.Duration, want string) {
		t.Run(name, func(t *testing.T) {
			slow(t, timed(), func(t *testing.T, c *Conn, client net.Conn) {
				go func() {
					_, _ = io.WriteString(client, before)
					time.Sleep(wait)
					drip(client, plain+strings.Repeat("A: b\r\n", 1000), time.Second)
				}()
				began := time.Now()
				got, err := readUntil(c)
				var timeout net.Error
				if got != want || c.Violation() != headTimeout || !errors.As(err, &timeout) || !timeout.Timeout() || !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("read %q, %v", got, err)
				}
				// The clock starts with the first byte, one second after the wait.
				if took := time.Since(began); took != wait+11*time.Second {
					t.Errorf("after %s", took)
				}
			})
		})
	}
	f("first request", "", 0, "")
	f("first request, late", "", 5*time.Second, "")
	f("later request", plain, 30*time.Second, plain+"X")
}

func TestBodySilence(t *testing.T) {
	for name, head := range map[string]string{
		"fixed":   "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n",
		"chunked": chunkedHead + "a\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			slow(t, timed(), func(t *testing.T, c *Conn, client net.Conn) {
				go io.WriteString(client, head+"abc") //nolint:errcheck // read below
				began := time.Now()
				if got, err := readUntil(c); got != head+"abc" || c.Violation() != bodyTimeout {
					t.Errorf("read %q, %v", got, err)
				}
				if took := time.Since(began); took != 30*time.Second {
					t.Errorf("after %s", took)
				}
			})
		})
	}
}

func TestBodyDripIsCut(t *testing.T) {
	slow(t, timed(), func(t *testing.T, c *Conn, client net.Conn) {
		go func() {
			_, _ = io.WriteString(client, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n")
			drip(client, strings.Repeat("x", 100000), time.Second)
		}()
		began := time.Now()
		if _, err := readUntil(c); c.Violation() != bodyRate {
			t.Error(err)
		}
		// Each second costs one and earns 1/240.
		if took := time.Since(began); took < 30*time.Second || took > 31*time.Second {
			t.Errorf("after %s", took)
		}
	})
}

func TestBodyChunkDripIsCut(t *testing.T) {
	slow(t, timed(), func(t *testing.T, c *Conn, client net.Conn) {
		go func() {
			_, _ = io.WriteString(client, chunkedHead)
			drip(client, strings.Repeat("1\r\nx\r\n", 10000), time.Second)
		}()
		began := time.Now()
		if _, err := readUntil(c); c.Violation() != bodyRate {
			t.Error(err)
		}
		if took := time.Since(began); took > 31*time.Second {
			t.Errorf("after %s", took)
		}
	})
}

// Slower than a modem, but faster than the rate: the upload takes as long as it takes.
func TestHonestSlowUploadLives(t *testing.T) {
	slow(t, timed(), func(t *testing.T, c *Conn, client net.Conn) {
		const head = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2000000\r\n\r\n"
		go func() {
			_, _ = io.WriteString(client, head)
			for range 1000 {
				time.Sleep(7 * time.Second)
				_, _ = client.Write(make([]byte, 2000))
			}
			_ = client.Close()
		}()
		began := time.Now()
		if got, err := readUntil(c); len(got) != len(head)+2000000 || err != io.EOF {
			t.Errorf("read %d bytes, %v", len(got), err)
		}
		if took := time.Since(began); took < 7000*time.Second {
			t.Errorf("after %s", took)
		}
	})
}

// What was sent fast does not allow to stop for long.
func TestFastBodyMayNotStop(t *testing.T) {
	slow(t, timed(), func(t *testing.T, c *Conn, client net.Conn) {
		go func() {
			_, _ = io.WriteString(client, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2000000\r\n\r\n")
			_, _ = client.Write(make([]byte, 1000000))
		}()
		began := time.Now()
		if _, err := readUntil(c); c.Violation() != bodyTimeout {
			t.Error(err)
		}
		if took := time.Since(began); took != 30*time.Second {
			t.Errorf("after %s", took)
		}
	})
}

// Time in which the server does not read is not the client's.
func TestSlowServerIsNotTheClientsFault(t *testing.T) {
	slow(t, timed(), func(t *testing.T, c *Conn, client net.Conn) {
		const head = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n"
		go func() {
			_, _ = io.WriteString(client, head)
			_, _ = client.Write(make([]byte, 1000))
			_ = client.Close()
		}()
		p, total := make([]byte, 100), 0
		for {
			n, err := c.Read(p)
			if total += n; err == io.EOF {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			time.Sleep(5 * time.Minute)
		}
		if total != len(head)+1000 {
			t.Errorf("read %d bytes", total)
		}
	})
}

func TestNoLimitsNoTimeouts(t *testing.T) {
	slow(t, Options{}, func(t *testing.T, c *Conn, client net.Conn) {
		const request = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
		go func() {
			drip(client, request+request, time.Hour)
			_ = client.Close()
		}()
		if got, err := readUntil(c); got != request+request || err != io.EOF {
			t.Errorf("read %q, %v", got, err)
		}
	})
}

func TestServersDeadlinesAreIgnored(t *testing.T) {
	slow(t, timed(), func(t *testing.T, c *Conn, client net.Conn) {
		past := time.Now().Add(-time.Hour)
		for _, set := range []func(time.Time) error{c.SetDeadline, c.SetReadDeadline, c.SetWriteDeadline} {
			if err := set(past); err != nil {
				t.Error(err)
			}
		}
		go io.WriteString(client, plain) //nolint:errcheck // read below
		p := make([]byte, 1000)
		if n, err := c.Read(p); string(p[:n]) != plain || err != nil {
			t.Errorf("read %q, %v", p[:n], err)
		}
		c.Pass()
		if err := c.SetReadDeadline(past); err != nil {
			t.Error(err)
		}
		if _, err := c.Read(p); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("after Pass: %v", err)
		}
	})
}

func TestPass(t *testing.T) {
	slow(t, timed(), func(t *testing.T, c *Conn, client net.Conn) {
		go func() {
			_, _ = io.WriteString(client, plain+"\x00\n")
			time.Sleep(time.Hour)
			_, _ = io.WriteString(client, "\n\xff")
			_ = client.Close()
		}()
		p := make([]byte, 1000)
		if n, err := c.Read(p); string(p[:n]) != plain || err != nil {
			t.Errorf("read %q, %v", p[:n], err)
		}
		c.Pass()
		if got, err := readUntil(c); got != "\x00\n\n\xff" || err != io.EOF {
			t.Errorf("read %q, %v", got, err)
		}
	})
}

func TestCloseEndsRead(t *testing.T) {
	for name, sent := range map[string]string{"idle": plain, "in a head": plain + "GET /", "in a body": chunkedHead + "5\r\n"} {
		t.Run(name, func(t *testing.T) {
			slow(t, timed(), func(t *testing.T, c *Conn, client net.Conn) {
				go func() {
					_, _ = io.WriteString(client, sent)
					time.Sleep(time.Second)
					_ = c.Close()
				}()
				if _, err := readUntil(c); !errors.Is(err, io.ErrClosedPipe) && !errors.Is(err, net.ErrClosed) || c.Violation() != nil {
					t.Error(err)
				}
				if err := c.Close(); !errors.Is(err, net.ErrClosed) {
					t.Errorf("second Close: %v", err)
				}
			})
		})
	}
}

func TestWriteTimeout(t *testing.T) {
	slow(t, timed(), func(t *testing.T, c *Conn, client net.Conn) {
		go io.ReadFull(client, make([]byte, 100)) //nolint:errcheck // and no more
		began := time.Now()
		n, err := c.Write(make([]byte, 1000))
		if n != 100 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("wrote %d, %v", n, err)
		}
		if took := time.Since(began); took < 30*time.Second || took > 31*time.Second {
			t.Errorf("after %s", took)
		}
	})
}

func TestSlowReaderIsCut(t *testing.T) {
	slow(t, timed(), func(t *testing.T, c *Conn, client net.Conn) {
		go func() {
			for p := make([]byte, 10); ; time.Sleep(time.Second) {
				if _, err := client.Read(p); err != nil {
					return
				}
			}
		}()
		began := time.Now()
		if n, err := c.Write(make([]byte, 100000)); n > 400 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("wrote %d, %v", n, err)
		}
		if took := time.Since(began); took > 40*time.Second {
			t.Errorf("after %s", took)
		}
	})
}

func TestLongDownloadLives(t *testing.T) {
	slow(t, timed(), func(t *testing.T, c *Conn, client net.Conn) {
		go func() {
			for p := make([]byte, 1000); ; time.Sleep(3 * time.Second) {
				if _, err := client.Read(p); err != nil {
					return
				}
			}
		}()
		began := time.Now()
		if n, err := c.Write(make([]byte, 1000000)); n != 1000000 || err != nil {
			t.Errorf("wrote %d, %v", n, err)
		}
		if took := time.Since(began); took < 2900*time.Second {
			t.Errorf("after %s", took)
		}
	})
}

// The alarm is not set for each of many reads.
func TestDeadlinesAreSetSeldom(t *testing.T) {
	f := func(name, message string, most int) {
		t.Run(name, func(t *testing.T) {
			l := &counting{loop: loop{bytes: []byte(message)}}
			c := accepted(timed(), l)
			p := make([]byte, 4096)
			for range 1000 {
				if _, err := c.Read(p); err != nil {
					t.Fatal(err)
				}
				if _, err := c.Write(p); err != nil {
					t.Fatal(err)
				}
			}
			if l.set > most {
				t.Errorf("%d deadlines", l.set)
			}
		})
	}
	f("heads", plain, 4)
	f("bodies", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n"+strings.Repeat("x", 100000), 60)
}

type counting struct {
	loop
	set int
}

func (c *counting) SetReadDeadline(time.Time) error  { c.set++; return nil }
func (c *counting) SetWriteDeadline(time.Time) error { c.set++; return nil }

// A body that somebody else gives up ends at once, however patient the listener is, and with the
// violation that was given.
func TestGivenUp(t *testing.T) {
	const head = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n"
	given := violation(503, "memory")
	slow(t, timed(), func(t *testing.T, c *Conn, client net.Conn) {
		go io.WriteString(client, head+"beginning") //nolint:errcheck // read below
		began, done := time.Now(), make(chan struct{})
		go func() {
			defer close(done)
			if got, err := readUntil(c); got != head+"beginning" || !errors.Is(err, given) || c.Violation() != given {
				t.Errorf("read %q, %v", got, err)
			}
		}()
		synctest.Wait()
		c.GiveUp(given)
		<-done
		if took := time.Since(began); took != 0 {
			t.Errorf("after %s", took)
		}
		if !c.unclean {
			t.Error("the answer would not arrive")
		}
	})
}
