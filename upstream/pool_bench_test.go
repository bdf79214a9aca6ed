package upstream

import (
	"bytes"
	"io"
	"net"
	"syscall"
	"testing"
	"time"
)

// BenchmarkDo is one GET over a kept-alive connection with a response of 1 KiB. What it takes of the processor, the endpoint's part
// included, is told beside the time, which depends on who else is at work.
func BenchmarkDo(b *testing.B) {
	answer := append([]byte("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Length: 1024\r\n\r\n"),
		bytes.Repeat([]byte("x"), 1024)...)
	ln, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		b.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				buf := make([]byte, 4096)
				for {
					if _, err := c.Read(buf); err != nil { // a request is one segment here
						return
					}
					if _, err := c.Write(answer); err != nil {
						return
					}
				}
			}()
		}
	}()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	one := "http://127.0.0.1:" + port
	b.Run("one endpoint", func(b *testing.B) { benchmarkDo(b, one) })
	b.Run("three endpoints", func(b *testing.B) { // which are the same, by other names
		benchmarkDo(b, one, "http://127.0.0.2:"+port, "http://127.0.0.3:"+port)
	})
}

func benchmarkDo(b *testing.B, endpoints ...string) {
	p, err := New(Config{
		ID: "bench", Endpoints: endpoints, Connections: 64,
		Connect: time.Second, Response: 10 * time.Second, Idle: time.Minute,
		Retries: Retries{Attempts: 2, Share: 20, Least: 3},
	})
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	run := func(b *testing.B, next func() bool) {
		out := newRequest("GET", "/bench?a=1", "Host: bench.example", "User-Agent: bench", "Accept: */*")
		x := Exchange{BodyIdle: 10 * time.Second}
		buf := make([]byte, 2048)
		for next() {
			x.Deadline = time.Now().Add(10 * time.Second)
			if err := p.Do(out, &x); err != nil {
				b.Error(err)
				return
			}
			if n, err := io.ReadFull(x.Body, buf[:x.Response.Body.Length]); err != nil || n != 1024 {
				b.Error(n, err)
			}
			if err := x.Body.Close(); err != nil {
				b.Error(err)
			}
		}
	}
	b.Run("serial", func(b *testing.B) {
		b.ReportAllocs()
		before := processor(b)
		run(b, b.Loop)
		b.ReportMetric(float64(processor(b)-before)/float64(b.N), "cpu-ns/op")
	})
	b.Run("parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.SetParallelism(8)
		b.RunParallel(func(pb *testing.PB) { run(b, pb.Next) })
	})
}

// processor is what this process has taken of it, in nanoseconds.
func processor(b *testing.B) int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}
