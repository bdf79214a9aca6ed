package secure

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/wafer-waf/wafer/identity"
)

// Refreshed is what came of reading the files of a listener.
type Refreshed struct {
	Changed bool // since they were read last
	Usable  bool // there is a certificate for each pair, and authorities and keys where there have to be
}

// Refresh reads all files, and takes those whose content is good: a pair whose key matches and whose dates hold,
// authorities with their lists, keys of tickets. Of what is not good, report hears, and the last good stays.
// A certificate of a wrong date is reported, and taken if there was none before: clients will judge it.
func (l *Listener) Refresh(report func(at string, err error)) Refreshed {
	files, sum := l.readAll()
	if sum == l.seen {
		return Refreshed{Usable: true}
	}
	first := l.seen == [32]byte{}
	l.seen = sum
	old := l.state.Load()
	s := &state{certificates: make([]*certificate, len(old.certificates)), by: old.by, terms: old.terms, keys: old.keys}
	usable := true
	for i := range l.o.Certificates {
		s.certificates[i] = l.pair(i, files, old.certificates[i], report)
		usable = usable && s.certificates[i] != nil
	}
	s.names = index(s.certificates)
	usable = l.readTerms(s, files, report) && usable
	usable = l.readKeys(s, files, report) && usable
	l.state.Store(s)
	return Refreshed{Changed: !first, Usable: usable}
}

// content is what a file held, or why it could not be read.
type content struct {
	data []byte
	err  error
}

// readAll reads all files until two readings are the same: what is swapped while it is read would be of two
// versions. A few times are enough, since the next Refresh sees what has changed meanwhile.
func (l *Listener) readAll() (files map[string]content, sum [32]byte) {
	files, sum = l.readOnce()
	for range 3 {
		if sum == l.seen {
			return files, sum
		}
		again, now := l.readOnce()
		if now == sum {
			return files, sum
		}
		files, sum = again, now
	}
	return files, sum
}

func (l *Listener) readOnce() (map[string]content, [32]byte) {
	files := map[string]content{}
	h := sha256.New()
	for _, path := range l.paths() {
		if _, done := files[path]; done {
			continue
		}
		data, err := l.o.Read(path)
		files[path] = content{data, err}
		one := sha256.Sum256(data)
		if err != nil {
			one = sha256.Sum256([]byte(err.Error()))
		}
		fmt.Fprintf(h, "%q %v %x\n", path, err == nil, one)
	}
	return files, [32]byte(h.Sum(nil))
}

// paths are those of all files, some of them more than once.
func (l *Listener) paths() (all []string) {
	for _, p := range l.o.Certificates {
		all = append(all, p.Cert, p.Key)
	}
	for _, f := range append(append([]File{l.o.TicketKeys}, l.o.CA...), l.o.CRL...) {
		if f.Path != "" {
			all = append(all, f.Path)
		}
	}
	return all
}

// pair is the certificate at a place: the one in the files, if it is good, or the one before.
func (l *Listener) pair(i int, files map[string]content, old *certificate, report func(at string, err error)) *certificate {
	p := l.o.Certificates[i]
	cert, key := files[p.Cert], files[p.Key]
	if cert.err != nil || key.err != nil {
		if cert.err != nil {
			report(p.CertAt, cert.err)
		}
		if key.err != nil && p.Key != p.Cert {
			report(p.KeyAt, key.err)
		}
		return old
	}
	if old != nil && bytes.Equal(old.text[0], cert.data) && bytes.Equal(old.text[1], key.data) {
		return old
	}
	c, about, err := parsePair(cert.data, key.data)
	if err != nil {
		at := p.CertAt
		if about == "key" {
			at = p.KeyAt
		}
		report(at, err)
		return old
	}
	if len(c.names) == 0 && i > 0 {
		report(p.CertAt, errors.New("the certificate has no names (DNS names in subjectAltName): only the first one, which is for all other names, can do without"))
		return old
	}
	if err := c.checkDates(l.o.Now()); err != nil {
		if report(p.CertAt, err); old != nil {
			return old
		}
	}
	return c
}

// readTerms reads the authorities, and reports whether there are some if there have to be.
func (l *Listener) readTerms(s *state, files map[string]content, report func(at string, err error)) bool {
	if l.o.Client == identity.Off {
		return true
	}
	if len(l.o.CA) == 0 {
		s.terms = &identity.Terms{ID: l.o.ID, Mode: l.o.Client, Only: l.o.Only}
		return true
	}
	all := true
	texts := func(list []File) (out []identity.Text) {
		for _, f := range list {
			c := files[f.Path]
			if c.err != nil {
				report(f.At, c.err)
				all = false
				continue
			}
			out = append(out, identity.Text{Key: f.At, Data: c.data})
		}
		return out
	}
	cas, crls := texts(l.o.CA), texts(l.o.CRL)
	if by := identity.ParseAuthorities(cas, crls, report); by != nil && all {
		s.by = by
		s.terms = &identity.Terms{ID: l.o.ID, Mode: l.o.Client, By: by, Only: l.o.Only}
	}
	return s.terms != nil
}

// readKeys reads the keys of tickets, and reports whether there are some if there have to be.
func (l *Listener) readKeys(s *state, files map[string]content, report func(at string, err error)) bool {
	f := l.o.TicketKeys
	if f.Path == "" || l.o.NoTickets {
		return true
	}
	c := files[f.Path]
	keys, err := [][32]byte(nil), c.err
	if err == nil {
		keys, err = parseTicketKeys(c.data)
	}
	if err != nil {
		report(f.At, err)
		return s.keys != nil
	}
	s.keys = keys
	l.base.SetSessionTicketKeys(keys)
	return true
}
