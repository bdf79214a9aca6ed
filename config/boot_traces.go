package config

import "strings"

// Traces says which requests become spans of OpenTelemetry, and where those go.
type Traces struct {
	Endpoint    string   `mapstructure:"endpoint"` // https://host:port of a collector, or http; empty: there are no traces
	Protocol    string   `mapstructure:"protocol" enum:"grpc http"`
	HeadersFile string   `mapstructure:"headers_file"` // one header field a line; empty: none
	Compression string   `mapstructure:"compression" enum:"gzip none"`
	TLS         Receiver `mapstructure:"tls"`
	Service     string   `mapstructure:"service"`                    // name of the tier in traces
	Sample      Share    `mapstructure:"sample"`                     // of the requests whose sender does not decide
	Blocked     bool     `mapstructure:"blocked"`                    // those that a policy blocks, too
	Parents     string   `mapstructure:"parents" enum:"trusted all"` // whose Traceparent is believed
	Queue       int      `mapstructure:"queue"`                      // spans that may wait
}

// On tells whether there are traces.
func (t *Traces) On() bool { return t.Endpoint != "" }

func (l *bootLoader) checkTraces() {
	t := &l.boot.Traces
	if !t.On() {
		return
	}
	l.checkCollector("traces", t.Endpoint, &t.TLS)
	if t.Service == "" || len(t.Service) > 255 || strings.ContainsFunc(t.Service, func(r rune) bool { return r < ' ' }) {
		l.add("traces.service", "%q is no name of a service", t.Service)
	}
	if t.Queue < 512 || t.Queue > 1_000_000 {
		l.add("traces.queue", "%d is out of range: 512 to 1000000", t.Queue)
	}
}
