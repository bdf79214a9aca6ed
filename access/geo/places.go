package geo

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wafer-waf/wafer/access/file"
)

// Config says which databases there are.
type Config struct {
	Dir     string // what relative names are relative to
	Country string // file; empty: no country is known
	ASN     string // file; it may be the same one

	MaxSize   int64         // bytes of a file
	Every     time.Duration // between two looks at the files
	Unwatched bool          // for a check: they are read once

	Told func(file string, err error) // is told of each file that was read anew, or could not be; nil: nobody asks
}

// Unknown is the country that is not known.
const Unknown = ""

// Places knows where addresses are. The nil Places knows nothing.
type Places struct {
	config       Config
	country, asn *source // which may be the same; nil: there is no such file
	sources      []*source

	end   context.CancelFunc
	ended chan struct{}
}

// source is a file and what it holds.
type source struct {
	name string
	file *file.File // belongs to the one goroutine that looks
	// what it is asked for
	countries, networks bool
	database            atomic.Pointer[database]

	mu      sync.Mutex
	failing string
	good    time.Time
}

// Status is how a database does.
type Status struct {
	File    string    `json:"file"`
	Kind    string    `json:"kind,omitempty"` // as the file says
	Built   time.Time `json:"built,omitzero"` // likewise
	Good    time.Time `json:"last_success"`   // when the file was last found to hold what is in force
	Failing string    `json:"failing,omitempty"`
}

// Open reads the files, and has them looked at until Close.
func Open(c Config) (*Places, error) {
	p := &Places{config: c}
	var errs []error
	p.country, p.asn = p.source(c.Country), p.source(c.ASN)
	if p.country != nil {
		p.country.countries = true
	}
	if p.asn != nil {
		p.asn.networks = true
	}
	for _, s := range p.sources {
		if err := s.read(c.MaxSize); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", s.name, err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if !c.Unwatched {
		var ctx context.Context
		ctx, p.end = context.WithCancel(context.Background())
		p.ended = make(chan struct{})
		go p.watch(ctx)
	}
	return p, nil
}

// source is the source with a name, which may be there already; nil: it has none.
func (p *Places) source(name string) *source {
	for _, s := range p.sources {
		if s.name == name {
			return s
		}
	}
	if name == "" {
		return nil
	}
	s := &source{name: name, file: file.At(p.config.Dir, name)}
	p.sources = append(p.sources, s)
	return s
}

// Close ends the looks at the files.
func (p *Places) Close() {
	if p.end != nil {
		p.end()
		<-p.ended
	}
}

func (p *Places) watch(ctx context.Context) {
	defer close(p.ended)
	tick := time.NewTicker(p.config.Every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, s := range p.sources {
			if !s.file.Changed() {
				s.unchanged()
				continue
			}
			if err := s.read(p.config.MaxSize); p.config.Told != nil {
				p.config.Told(s.name, err)
			}
		}
	}
}

// read puts in force what the file holds, if it is a database.
func (s *source) read(most int64) error {
	data, _, err := s.file.Read(most)
	var d *database
	if err == nil {
		d, err = read(data)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.failing = err.Error()
		return err
	}
	if s.countries {
		d.countries = new(remembered)
	}
	if s.networks {
		d.networks = new(remembered)
	}
	s.database.Store(d)
	s.failing, s.good = "", time.Now()
	return nil
}

func (s *source) unchanged() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failing == "" {
		s.good = time.Now()
	}
}

// Country is the code of the country that an address is in, or Unknown.
func (p *Places) Country(a netip.Addr) string {
	if p == nil || p.country == nil {
		return Unknown
	}
	d := p.country.database.Load()
	return unpackCountry(d.countries.get(d, a, packCountry))
}

// ASN is the number of the network that an address is in; 0: it is not known.
func (p *Places) ASN(a netip.Addr) uint32 {
	if p == nil || p.asn == nil {
		return 0
	}
	d := p.asn.database.Load()
	return d.networks.get(d, a, packASN)
}

// Status says how the databases do.
func (p *Places) Status() []Status {
	if p == nil {
		return nil
	}
	var out []Status
	for _, s := range p.sources {
		d := s.database.Load()
		s.mu.Lock()
		out = append(out, Status{File: s.name, Kind: d.kind, Built: d.built, Good: s.good, Failing: s.failing})
		s.mu.Unlock()
	}
	return out
}
