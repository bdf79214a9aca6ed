package main

import (
	"os"
	"strings"
	"time"

	"github.com/wafer-waf/wafer/audit"
	"github.com/wafer-waf/wafer/audit/https"
	"github.com/wafer-waf/wafer/audit/otlp"
	"github.com/wafer-waf/wafer/audit/syslog"
	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/delivery"
	"github.com/wafer-waf/wafer/delivery/collector"
	"github.com/wafer-waf/wafer/delivery/remote"
)

// Pauses of sinks after attempts that failed: a receiver that was restarted soon gets events again, and one that is
// gone is asked twice a minute.
const (
	firstRetry = 250 * time.Millisecond
	lastRetry  = 30 * time.Second
	batchLines = 10_000
)

// remoteSink gives events to a queue, from where they are carried elsewhere.
type remoteSink struct {
	lines                    *delivery.Lines
	access, failed, security delivery.Kind
	ban, record              delivery.Kind
}

func newRemoteSink(c delivery.Carrier[delivery.Line], r *reporter, queue, batch config.Size, every, timeout time.Duration) *remoteSink {
	return &remoteSink{
		lines: delivery.NewLines(c, r, delivery.Options{
			Limit: int64(queue), BatchBytes: int64(min(batch, queue)), BatchItems: batchLines, Every: every, Timeout: timeout,
			FirstRetry: firstRetry, LastRetry: lastRetry,
		}),
		access:   delivery.Kind{Name: "access", Severity: delivery.Information},
		failed:   delivery.Kind{Name: "access", Severity: delivery.Notice},
		security: delivery.Kind{Name: "security", Severity: delivery.Warning},
		ban:      delivery.Kind{Name: "ban", Severity: delivery.Notice},
		record:   delivery.Kind{Name: "record", Severity: delivery.Information},
	}
}

// Send implements audit.Sink.
func (s *remoteSink) Send(k audit.Kind, line []byte) { s.lines.Send(s.kind(k), line) }

func (s *remoteSink) kind(k audit.Kind) *delivery.Kind {
	switch k {
	case audit.SecurityEvent:
		return &s.security
	case audit.BanEvent:
		return &s.ban
	case audit.FailedEvent:
		return &s.failed
	case audit.RecordEvent:
		return &s.record
	default:
		return &s.access
	}
}

// Waiting implements sink.
func (s *remoteSink) Waiting() int64 { return s.lines.Waiting() }

// Close implements sink.
func (s *remoteSink) Close(timeout time.Duration) error { return s.lines.Close(timeout) }

func remoteOf(t *config.Receiver, headers string) *remote.Remote {
	return remote.New(tlsOf(t), headers)
}

func tlsOf(t *config.Receiver) remote.TLS {
	return remote.TLS{CA: t.CA, Cert: t.Cert, Key: t.Key, ServerName: t.ServerName}
}

func openHTTPS(c *config.EventSink, r *reporter) sink {
	h := c.HTTPS
	return newRemoteSink(https.New(https.Options{
		URL: h.URL, Array: h.Body == "array", Plain: h.Compression == "none", Remote: remoteOf(&h.TLS, h.HeadersFile),
	}), r, c.Queue, h.Batch, h.Every, h.Timeout)
}

func openSyslog(c *config.EventSink, r *reporter) (sink, error) {
	s := c.Syslog
	network, address, err := s.Server()
	if err != nil {
		return nil, err
	}
	return newRemoteSink(syslog.New(syslog.Options{
		Network: network, Address: address, Facility: s.Facility, App: s.App, Remote: remoteOf(&s.TLS, ""),
	}), r, c.Queue, s.Batch, s.Every, s.Timeout), nil
}

func openOTLP(c *config.EventSink, r *reporter) sink {
	o := c.OTLP
	return newRemoteSink(otlp.New(otlp.Options{
		Collector: collectorOf(o.Endpoint, o.Protocol, o.Compression, collector.Logs, remoteOf(&o.TLS, o.HeadersFile)),
		Resource:  []otlp.Attribute{{Name: "service.name", Value: "wafer"}, {Name: "service.version", Value: version}, {Name: "service.instance.id", Value: instance()}},
		Version:   version,
	}), r, c.Queue, o.Batch, o.Every, o.Timeout)
}

// collectorOf is how a collector gets a signal.
func collectorOf(endpoint, protocol, compression string, s collector.Signal, r *remote.Remote) collector.Options {
	scheme, address, _ := strings.Cut(endpoint, "://")
	return collector.Options{
		GRPC: protocol == "grpc", URL: endpoint + s.Path(), Target: address, Clear: scheme == "http", Plain: compression == "none", Remote: r,
	}
}

// instance tells this process from the others of the tier: in a cluster, the name of its pod.
func instance() string {
	name, err := os.Hostname()
	if err != nil {
		return ""
	}
	return name
}
