package config

import (
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Receiver says how somebody elsewhere is spoken to.
type Receiver struct {
	CA         string `mapstructure:"ca"`   // file; empty: the authorities of the system
	Cert       string `mapstructure:"cert"` // files of the certificate that the receiver is shown; empty: none
	Key        string `mapstructure:"key"`
	ServerName string `mapstructure:"server_name"` // in the receiver's certificate; empty: the host of its address
}

// HTTPSSink sends events in bodies of POST.
type HTTPSSink struct {
	URL         string        `mapstructure:"url"`
	HeadersFile string        `mapstructure:"headers_file"` // one header field a line; empty: none
	Body        string        `mapstructure:"body" enum:"lines array"`
	Compression string        `mapstructure:"compression" enum:"gzip none"`
	Batch       Size          `mapstructure:"batch"` // sent at once
	Every       time.Duration `mapstructure:"every"` // how long events gather
	Timeout     time.Duration `mapstructure:"timeout"`
	TLS         Receiver      `mapstructure:"tls"`
}

// SyslogSink sends events as messages of syslog.
type SyslogSink struct {
	Address  string        `mapstructure:"address"`  // tcp+tls://host:port, or tcp or udp
	Facility int           `mapstructure:"facility"` // 16 to 23: local0 to local7
	App      string        `mapstructure:"app"`      // APP-NAME
	Batch    Size          `mapstructure:"batch"`
	Every    time.Duration `mapstructure:"every"`
	Timeout  time.Duration `mapstructure:"timeout"`
	TLS      Receiver      `mapstructure:"tls"`
}

// OTLPSink sends events to a collector of OpenTelemetry.
type OTLPSink struct {
	Endpoint    string        `mapstructure:"endpoint"` // https://host:port, or http
	Protocol    string        `mapstructure:"protocol" enum:"grpc http"`
	HeadersFile string        `mapstructure:"headers_file"`
	Compression string        `mapstructure:"compression" enum:"gzip none"`
	Batch       Size          `mapstructure:"batch"`
	Every       time.Duration `mapstructure:"every"`
	Timeout     time.Duration `mapstructure:"timeout"`
	TLS         Receiver      `mapstructure:"tls"`
}

// Bounds of batches, and their defaults.
const (
	minBatch       = 4 * KiB
	maxBatch       = 16 * MiB
	defaultBatch   = 1 * MiB
	defaultEvery   = time.Second
	defaultTimeout = 10 * time.Second
)

// DefaultHTTPSSink returns what such a sink is before anything is said about it.
func DefaultHTTPSSink() HTTPSSink {
	return HTTPSSink{Body: "lines", Compression: "gzip", Batch: defaultBatch, Every: defaultEvery, Timeout: defaultTimeout}
}

// DefaultSyslogSink returns what such a sink is before anything is said about it.
func DefaultSyslogSink() SyslogSink {
	return SyslogSink{Facility: 16, App: "wafer", Batch: 256 * KiB, Every: defaultEvery, Timeout: defaultTimeout}
}

// DefaultOTLPSink returns what such a sink is before anything is said about it.
func DefaultOTLPSink() OTLPSink {
	return OTLPSink{Protocol: "grpc", Compression: "gzip", Batch: defaultBatch, Every: defaultEvery, Timeout: defaultTimeout}
}

func (l *bootLoader) checkHTTPSSink(at string, s *HTTPSSink) {
	d := DefaultHTTPSSink()
	fill(&s.Body, d.Body, l.given(at+".body"))
	fill(&s.Compression, d.Compression, l.given(at+".compression"))
	l.fillDelivery(at, &s.Batch, d.Batch, &s.Every, d.Every, &s.Timeout, d.Timeout)
	oneOf(l, at+".body", s.Body, allowed[HTTPSSink]("body"))
	oneOf(l, at+".compression", s.Compression, allowed[HTTPSSink]("compression"))
	u, err := url.Parse(s.URL)
	switch {
	case s.URL == "":
		l.add(at+".url", "required: where events are sent, such as https://siem.example/ingest")
		return
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "":
		l.add(at+".url", "%q is not https://host/path or http://host/path", s.URL)
		return
	case u.User != nil:
		l.add(at+".url", "holds a user or password: put them into headers_file, as Authorization: Basic ...")
	default:
		l.addErr(at+".url", checkURLPort(u))
	}
	l.checkReceiver(at+".tls", &s.TLS, u.Scheme == "https", "url begins with http://, without TLS")
}

func (l *bootLoader) checkSyslogSink(at string, s *SyslogSink) {
	d := DefaultSyslogSink()
	fill(&s.Facility, d.Facility, l.given(at+".facility"))
	fill(&s.App, d.App, l.given(at+".app"))
	l.fillDelivery(at, &s.Batch, d.Batch, &s.Every, d.Every, &s.Timeout, d.Timeout)
	if s.Facility < 0 || s.Facility > 23 {
		l.add(at+".facility", "%d is out of range: 0 to 23, of which 16 to 23 are local0 to local7", s.Facility)
	}
	if s.App == "" || len(s.App) > 48 || strings.ContainsFunc(s.App, func(r rune) bool { return r <= ' ' || r > '~' }) {
		l.add(at+".app", "%q is no name: 1 to 48 letters and digits", s.App)
	}
	network, _, err := s.Server()
	if err != nil {
		l.addErr(at+".address", err)
		return
	}
	l.checkReceiver(at+".tls", &s.TLS, network == "tcp+tls", "address begins with "+network+"://, without TLS")
}

// Server is the network of the server, tcp, tcp+tls or udp, and its address.
func (s *SyslogSink) Server() (network, address string, err error) {
	network, address, _ = strings.Cut(s.Address, "://")
	if network != "tcp" && network != "tcp+tls" && network != "udp" {
		return "", "", fmt.Errorf("%q is not tcp+tls://host:port, tcp://host:port or udp://host:port", s.Address)
	}
	return network, address, checkAddress(address, network+"://logs.example:6514")
}

func (l *bootLoader) checkOTLPSink(at string, s *OTLPSink) {
	d := DefaultOTLPSink()
	fill(&s.Protocol, d.Protocol, l.given(at+".protocol"))
	fill(&s.Compression, d.Compression, l.given(at+".compression"))
	l.fillDelivery(at, &s.Batch, d.Batch, &s.Every, d.Every, &s.Timeout, d.Timeout)
	oneOf(l, at+".protocol", s.Protocol, allowed[OTLPSink]("protocol"))
	oneOf(l, at+".compression", s.Compression, allowed[OTLPSink]("compression"))
	l.checkCollector(at, s.Endpoint, &s.TLS)
}

// checkCollector checks the address of a collector, and how it is spoken to.
func (l *bootLoader) checkCollector(at, endpoint string, t *Receiver) {
	if endpoint == "" {
		l.add(at+".endpoint", "required: the collector, such as https://collector.example:4317")
		return
	}
	if err := checkEndpoint(endpoint); err != nil {
		l.addErr(at+".endpoint", err)
		return
	}
	l.checkReceiver(at+".tls", t, strings.HasPrefix(endpoint, "https:"), "endpoint begins with http://, without TLS")
}

func (l *bootLoader) fillDelivery(at string, batch *Size, size Size, every *time.Duration, e time.Duration, timeout *time.Duration, t time.Duration) {
	fill(batch, size, l.given(at+".batch"))
	fill(every, e, l.given(at+".every"))
	fill(timeout, t, l.given(at+".timeout"))
	if *batch < minBatch || *batch > maxBatch {
		l.add(at+".batch", "%s is out of range: %s to %s", *batch, minBatch, maxBatch)
	}
	if *every <= 0 || *every > time.Minute {
		l.add(at+".every", "%s is out of range: longer than 0, at most 1m", *every)
	}
	if *timeout < time.Second || *timeout > time.Minute {
		l.add(at+".timeout", "%s is out of range: 1s to 1m", *timeout)
	}
}

// checkReceiver checks how a receiver is spoken to, which is by TLS or not.
func (l *bootLoader) checkReceiver(at string, t *Receiver, secured bool, why string) {
	if (t.Cert == "") != (t.Key == "") {
		l.addBy([]string{at + ".cert", at + ".key"}, at+".cert", "a certificate needs its key, and a key its certificate: give cert and key")
	}
	if *t != (Receiver{}) && !secured {
		l.add(at, "has no effect: %s", why)
	}
}
