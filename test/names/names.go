// Package names is a name server for tests, on a real UDP socket of loopback: it answers what a test has set, fails, says
// nothing, or lies.
package names

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// Mood is how a Server answers.
type Mood int

// How it can.
const (
	Honest     Mood = iota
	Broken          // SERVFAIL
	BrokenIPv6      // SERVFAIL for AAAA alone
	Mute            // nothing
	Stranger        // the answer to another question, with another number: what anybody could send
	Noise           // bytes that are no message
	Empty           // a good answer with nothing in it
	Nowhere         // 0.0.0.0, ::, 224.0.0.1 and 255.255.255.255
)

// Server answers until its test ends.
type Server struct {
	conn net.PacketConn

	mu    sync.Mutex
	zone  map[string][]string
	mood  Mood
	asked map[string]int
}

// Start starts a server that knows no name.
func Start(t testing.TB) *Server {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{conn: conn, zone: map[string][]string{}, asked: map[string]int{}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.serve()
	}()
	t.Cleanup(func() {
		conn.Close()
		<-done
	})
	return s
}

// Resolver asks this server alone.
func (s *Server) Resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, s.conn.LocalAddr().String())
	}}
}

// Set sets what a name has: addresses, records of services as "priority weight port host", and names of an address as
// "ptr name". None: there is no such name.
func (s *Server) Set(name string, records ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.zone[name] = records
}

// Feel sets how questions are answered from now on.
func (s *Server) Feel(m Mood) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mood = m
}

// Asked is how many questions about a name have come.
func (s *Server) Asked(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[name]
}

func (s *Server) serve() {
	buf := make([]byte, 4096)
	for {
		n, from, err := s.conn.ReadFrom(buf)
		if err != nil {
			return // closed
		}
		if answer := s.answer(buf[:n]); answer != nil {
			_, _ = s.conn.WriteTo(answer, from) // who asked may be gone
		}
	}
}

// answer returns the answer to a question; nil: there is none.
func (s *Server) answer(question []byte) []byte {
	var m dnsmessage.Message
	if m.Unpack(question) != nil || len(m.Questions) != 1 {
		return nil
	}
	q := m.Questions[0]
	name := strings.TrimSuffix(q.Name.String(), ".")
	s.mu.Lock()
	records, mood := s.zone[name], s.mood
	s.asked[name]++
	s.mu.Unlock()
	m.Response, m.Authoritative, m.Additionals = true, true, nil
	switch mood {
	case Mute:
		return nil
	case Noise:
		return []byte("no message")
	case Broken, BrokenIPv6:
		if mood == Broken || q.Type == dnsmessage.TypeAAAA {
			m.RCode, records = dnsmessage.RCodeServerFailure, nil
		}
	case Empty:
		records = []string{"0 0 0 ."}
	case Nowhere:
		records = []string{"0.0.0.0", "::", "224.0.0.1", "255.255.255.255", "0 0 0 ."}
	case Stranger:
		m.ID++
		m.Questions[0].Name = dnsmessage.MustNewName("other.test.")
		records = []string{"192.0.2.1"}
	}
	if len(records) == 0 && m.RCode == dnsmessage.RCodeSuccess {
		m.RCode = dnsmessage.RCodeNameError
	}
	for _, r := range records {
		if body := resource(r, q.Type); body != nil {
			m.Answers = append(m.Answers, dnsmessage.Resource{
				Header: dnsmessage.ResourceHeader{Name: m.Questions[0].Name, Type: q.Type, Class: dnsmessage.ClassINET}, Body: body,
			})
		}
	}
	answer, err := m.Pack()
	if err != nil {
		return nil
	}
	return answer
}

// resource is a record of a zone if it is of the type.
func resource(record string, want dnsmessage.Type) dnsmessage.ResourceBody {
	if a, err := netip.ParseAddr(record); err == nil {
		switch {
		case want == dnsmessage.TypeA && a.Is4():
			return &dnsmessage.AResource{A: a.As4()}
		case want == dnsmessage.TypeAAAA && a.Is6():
			return &dnsmessage.AAAAResource{AAAA: a.As16()}
		}
		return nil
	}
	f := strings.Fields(record)
	if len(f) == 2 && f[0] == "ptr" {
		if want != dnsmessage.TypePTR {
			return nil
		}
		return &dnsmessage.PTRResource{PTR: dnsmessage.MustNewName(strings.TrimSuffix(f[1], ".") + ".")}
	}
	if want != dnsmessage.TypeSRV || len(f) != 4 {
		return nil
	}
	var number [3]uint16
	for i := range number {
		n, err := strconv.ParseUint(f[i], 10, 16)
		if err != nil {
			panic(fmt.Sprintf("BUG: record %q", record))
		}
		number[i] = uint16(n)
	}
	return &dnsmessage.SRVResource{
		Priority: number[0], Weight: number[1], Port: number[2], Target: dnsmessage.MustNewName(strings.TrimSuffix(f[3], ".") + "."),
	}
}
