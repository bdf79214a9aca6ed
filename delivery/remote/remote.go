// Package remote says how a receiver is spoken to: with which TLS, and which header fields. Both are in files that are
// read anew when they change, so that certificates and tokens can be replaced while the process runs.
//
// A Remote belongs to one goroutine at a time.
package remote

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"

	"github.com/wafer-waf/wafer/access/file"
)

// CertificateBytes are those of a file with certificates, or a key, at most.
const CertificateBytes = 1 << 20

const headersBytes = 64 << 10 // likewise, of header fields

// TLS names files.
type TLS struct {
	CA         string // of the authorities that the receiver's certificate may be from; empty: those of the system
	Cert, Key  string // of the certificate that the receiver is shown; empty: none
	ServerName string // in the receiver's certificate; empty: the host of its address
}

// Field is a header field.
type Field struct{ Name, Value string }

// Remote is how one receiver is spoken to.
type Remote struct {
	tls                    TLS
	headersName            string
	ca, cert, key, headers *file.File // nil: there is none
	read                   bool
	config                 *tls.Config
	fields                 []Field
}

// New makes a Remote. Headers is a file with one header field a line; empty: there is none.
func New(t TLS, headers string) *Remote {
	at := func(name string) *file.File {
		if name == "" {
			return nil
		}
		return file.Named(name)
	}
	return &Remote{tls: t, headersName: headers, ca: at(t.CA), cert: at(t.Cert), key: at(t.Key), headers: at(headers)}
}

// Refresh reads what has changed. It says whether connections that were made before are of another TLS. An error
// leaves what was read last; what could not be read is tried again by the next call.
func (r *Remote) Refresh() (reconnect bool, err error) {
	if !r.read || changed(r.headers) {
		if err := r.readFields(); err != nil {
			return false, err
		}
	}
	if r.read && !changed(r.ca) && !changed(r.cert) && !changed(r.key) {
		return false, nil
	}
	if err := r.readTLS(); err != nil {
		r.read = false
		return false, err
	}
	r.read = true
	return true, nil
}

func changed(f *file.File) bool { return f != nil && f.Changed() }

// Config is the TLS of new connections. It is not to be changed.
func (r *Remote) Config() *tls.Config { return r.config }

// Fields are those that requests carry.
func (r *Remote) Fields() []Field { return r.fields }

func (r *Remote) readTLS() error {
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: r.tls.ServerName}
	if r.ca != nil {
		data, _, err := r.ca.Read(CertificateBytes)
		if err != nil {
			return fmt.Errorf("read %s: %w", r.tls.CA, err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(data) {
			return fmt.Errorf("read %s: no certificate in it", r.tls.CA)
		}
	}
	if r.cert != nil && r.key != nil {
		cert, _, err := r.cert.Read(CertificateBytes)
		if err != nil {
			return fmt.Errorf("read %s: %w", r.tls.Cert, err)
		}
		key, _, err := r.key.Read(CertificateBytes)
		if err != nil {
			return fmt.Errorf("read %s: %w", r.tls.Key, err)
		}
		pair, err := tls.X509KeyPair(cert, key)
		if err != nil {
			return fmt.Errorf("read %s: %w", r.tls.Cert, err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	r.config = config
	return nil
}

func (r *Remote) readFields() error {
	if r.headers == nil {
		return nil
	}
	data, _, err := r.headers.Read(headersBytes)
	if err != nil {
		r.read = false
		return fmt.Errorf("read %s: %w", r.headersName, err)
	}
	fields, err := ParseFields(string(data))
	if err != nil {
		r.read = false
		return fmt.Errorf("read %s: %w", r.headersName, err)
	}
	r.fields = fields
	return nil
}

// ParseFields reads header fields, one a line. Empty lines, and those that begin with #, say nothing. Errors do not
// show what the file holds, which is secret.
func ParseFields(text string) ([]Field, error) {
	var fields []Field
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return nil, fmt.Errorf("line %d: want NAME: VALUE", n)
		}
		value = strings.TrimSpace(value)
		if err := valid(name, value); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		fields = append(fields, Field{name, value})
	}
	return fields, nil
}

func valid(name, value string) error {
	if name == "" {
		return errors.New("no name")
	}
	for i := range len(name) {
		if c := name[i]; c != '-' && c != '_' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return errors.New("a name consists of letters, digits, - and _")
		}
	}
	for i := range len(value) {
		if c := value[i]; c < ' ' && c != '\t' || c >= 0x7f {
			return errors.New("a value consists of printable ASCII")
		}
	}
	return nil
}
