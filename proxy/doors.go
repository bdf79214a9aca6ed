package proxy

import (
	"crypto/tls"
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/identity"
	"github.com/wafer-waf/wafer/listen/entrance"
	"github.com/wafer-waf/wafer/listen/secure"
	"github.com/wafer-waf/wafer/metrics"
	"github.com/wafer-waf/wafer/snapshot"
)

// door is a listener with TLS.
type door struct {
	name  string
	tls   *secure.Listener
	files map[string]string // by the key paths that name them
}

// doors are the listeners with TLS, by their place in the boot settings.
type doors struct {
	all     map[int]*door
	metrics *metrics.TLS // nil: there are none
}

// newDoors returns the listeners with TLS of a process, which have read nothing yet.
func newDoors(b *config.Boot, gate *secure.Gate, terms func(name string) *identity.Terms, m func() *metrics.TLS) *doors {
	d := &doors{all: map[int]*door{}}
	for i, l := range b.Served() {
		if l.TLS == nil {
			continue
		}
		if d.metrics == nil && m != nil {
			d.metrics = m()
		}
		d.all[i] = newDoor(fmt.Sprintf("listeners[%d].tls", i), &l, secure.Options{
			Timeout: b.Timeout.Head, Gate: gate, Terms: terms, Read: readSmall, ALPN: protocols(b),
			Handshaken: func(h secure.Handshake) {
				if d.metrics != nil {
					d.metrics.Handshaken(l.Name, h.Version, h.Cipher, h.Result, h.Took)
				}
			},
		})
	}
	return d
}

// newDoor returns a listener with TLS, at a key path of the settings.
func newDoor(at string, l *config.Listener, o secure.Options) *door {
	d := &door{name: l.Name, files: map[string]string{}}
	file := func(key, path string) secure.File {
		d.files[key] = path
		return secure.File{Path: path, At: key}
	}
	files := func(key string, paths []string) (list []secure.File) {
		for i, path := range paths {
			list = append(list, file(fmt.Sprintf("%s[%d]", key, i), path))
		}
		return list
	}
	t := l.TLS
	for i, c := range t.Certificates {
		at := fmt.Sprintf("%s.certificates[%d]", at, i)
		cert, key := file(at+".cert", c.Cert), file(at+".key", c.Key)
		if c.Bundle != "" {
			cert = file(at+".bundle", c.Bundle)
			key = cert
		}
		if cert.Path == "" || key.Path == "" {
			continue // it was told that they are missing
		}
		o.Certificates = append(o.Certificates, secure.Pair{Cert: cert.Path, Key: key.Path, CertAt: cert.At, KeyAt: key.At})
	}
	o.Strict, o.MinVersion, o.Ciphers, o.Curves = t.SNIStrict, tls.VersionTLS12, t.CipherIDs(), t.CurveIDs()
	if t.MinVersion == config.TLS13 {
		o.MinVersion = tls.VersionTLS13
	}
	o.NoTickets, o.TicketKeys = t.SessionTickets == config.Off, file(at+".session_ticket_keys", t.SessionTicketKeys)
	o.Client, o.ID = snapshot.Mode(t.ClientCertificate.Mode), "listener "+l.Name
	if o.Client == identity.Off {
		o.ID = identity.None.ID
	}
	o.CA, o.CRL = files(at+".client_certificate.ca", t.ClientCertificate.CA), files(at+".client_certificate.crl", t.ClientCertificate.CRL)
	o.Only = snapshot.Allow(&t.ClientCertificate.Allow)
	d.tls = secure.New(o)
	return d
}

// protocols are those that a handshake may agree on, the best first.
func protocols(b *config.Boot) []string {
	if b.HTTP2 == config.On {
		return []string{entrance.ALPN, "http/1.1"}
	}
	return []string{"http/1.1"}
}

// mostFile is how large a file of TLS may be: lists of revoked certificates are the largest.
const mostFile = 64 << 20

// readSmall reads a file, unless it is too large to be what it should be.
func readSmall(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a file", path)
	case info.Size() > mostFile:
		return nil, fmt.Errorf("%s is larger than %d MiB", path, mostFile>>20)
	}
	return os.ReadFile(path)
}

// open reads all files for the first time. Problems are what keeps a listener from being used; the others, which
// concern dates, are logged.
func (d *doors) open(b *config.Boot, log func(*door, config.Problem)) error {
	var problems config.Problems
	for _, o := range d.all {
		var found config.Problems
		usable := o.tls.Refresh(func(at string, err error) { found = append(found, problemAt(b, at, err)) }).Usable
		if !usable {
			problems = append(problems, found...)
			continue
		}
		for _, p := range found {
			log(o, p)
		}
		if d.metrics != nil {
			d.metrics.Begins(o.name)
			d.publish(o)
		}
	}
	if len(problems) == 0 {
		return nil
	}
	problems.Sort()
	return problems
}

func problemAt(b *config.Boot, at string, err error) config.Problem {
	p := b.At(at)
	p.What = err.Error()
	return p
}

// wrongDate tells of a certificate that is shown although it is not valid now.
func (p *Proxy) wrongDate(d *door, problem config.Problem) {
	p.log.Error().Str("listener", d.name).Str("key", problem.Path).Str("file", d.files[problem.Path]).Str("error", problem.What).
		Msg("a certificate that is not valid now is shown, for want of another")
}

// refreshDoors reads all files again, and says what has changed and what is wrong.
func (p *Proxy) refreshDoors() {
	p.refreshing.Lock()
	defer p.refreshing.Unlock()
	p.lookAtBoot()
	for _, o := range p.doors.all {
		good := true
		r := o.tls.Refresh(func(at string, err error) {
			good = false
			p.log.Error().Err(err).Str("listener", o.name).Str("key", at).Str("file", o.files[at]).Msg("a file of a listener cannot be used, the last good one stays")
		})
		if !r.Changed {
			continue
		}
		if good {
			p.log.Info().Str("listener", o.name).Msg("certificates, authorities and keys of a listener renewed")
		}
		p.doors.metrics.Reloaded(o.name, good)
		p.doors.publish(o)
	}
}

// lookAtBoot says, once for each change, that the boot file is another one than that which the process has read: that a new
// certificate in it is not shown would look like a fault of the certificate.
func (p *Proxy) lookAtBoot() {
	file, stale := p.boot.Stale()
	if stale && !p.bootStale {
		p.log.Warn().Str("file", file).Msg("the boot file has changed, which takes a restart: listeners, certificates and limits are as before")
	}
	p.bootStale = stale
	p.metrics.BootStale(stale)
}

// publish says to the metrics when what a listener has ends.
func (d *doors) publish(o *door) {
	for _, e := range o.tls.Expiries() {
		d.metrics.NotAfter(o.name, e.File, e.NotAfter)
	}
	if until := o.tls.Until(); !until.IsZero() {
		d.metrics.NextUpdate(o.name, until)
	}
}

// hostTerms are what the routes of a host ask of clients; nil: they say nothing.
func (p *Proxy) hostTerms(name string) *identity.Terms {
	if s := p.snapshots.InForce(); s != nil && s.Hosts != nil {
		return s.Hosts.Find(name)
	}
	return nil
}

// newGate bounds the handshakes of all listeners: they compute on all cores, but no more at once.
func newGate() *secure.Gate { return secure.NewGate(runtime.GOMAXPROCS(0)) }

// alert is what clients of TLS get that are not let in: a fatal alert, internal_error (RFC 8446, 6.2).
const alert = "\x15\x03\x03\x00\x02\x02\x50"

// CheckBoot reads the files that boot settings name for TLS, and returns all that is wrong with them.
func CheckBoot(b *config.Boot) error {
	d := newDoors(b, newGate(), nil, nil)
	var problems config.Problems
	for _, o := range d.all {
		o.tls.Refresh(func(at string, err error) { problems = append(problems, problemAt(b, at, err)) })
	}
	if len(problems) == 0 {
		return nil
	}
	problems.Sort()
	return problems
}

// watchDoors reads the files of listeners, and the boot file, again and again, until stop is closed.
func (p *Proxy) watchDoors(stop <-chan struct{}) {
	if file, _ := p.boot.Stale(); len(p.doors.all) == 0 && file == "" || p.boot.Reload.Interval <= 0 {
		return
	}
	t := time.NewTicker(p.boot.Reload.Interval)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			p.refreshDoors()
		case <-stop:
			return
		}
	}
}
