package main

import (
	"errors"
	"fmt"

	"github.com/rs/zerolog"
	"github.com/wafer-waf/wafer/access/file"
	"github.com/wafer-waf/wafer/admin"
	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/delivery/remote"
	"github.com/wafer-waf/wafer/metrics"
	"github.com/wafer-waf/wafer/proxy"
)

// checkBoot reads every file that boot settings name, and returns what is wrong with them, all at once. Some keep a process from
// starting; without others it starts, and sends nothing to whom they are for.
func checkBoot(b *config.Boot) error {
	c := bootChecker{boot: b}
	c.add("", proxy.CheckBoot(b))
	_, err := maskKey(b)
	c.add("masking.key_file", err)
	_, err = adminFiles(b, metrics.NewRegistry(), zerolog.Nop())
	c.add("admin_tls", err)
	if b.AdminTokens != "" {
		_, err := admin.OpenTokens(b.AdminTokens, func(error) {})
		c.add("admin_tokens", err)
	}
	c.secret("admin_peer_token", b.AdminPeerToken)
	c.secret("store.password_file", b.Store.PasswordFile)
	c.secret("store.sentinel_password_file", b.Store.SentinelPasswordFile)
	c.receiver("store", remote.TLS{CA: b.Store.TLS.CA, Cert: b.Store.TLS.Cert, Key: b.Store.TLS.Key}, "")
	for i := range b.Events.Sinks {
		s, at := &b.Events.Sinks[i], fmt.Sprintf("events.sinks[%d].", i)
		switch {
		case s.HTTPS != nil:
			c.receiver(at+"https", tlsOf(&s.HTTPS.TLS), s.HTTPS.HeadersFile)
		case s.Syslog != nil:
			c.receiver(at+"syslog", tlsOf(&s.Syslog.TLS), "")
		case s.OTLP != nil:
			c.receiver(at+"otlp", tlsOf(&s.OTLP.TLS), s.OTLP.HeadersFile)
		}
	}
	if b.Traces.On() {
		c.receiver("traces", tlsOf(&b.Traces.TLS), b.Traces.HeadersFile)
	}
	if len(c.problems) == 0 {
		return nil
	}
	c.problems.Sort()
	return c.problems
}

// bootChecker gathers what is wrong with files that boot settings name.
type bootChecker struct {
	boot     *config.Boot
	problems config.Problems
}

// add adds an error, which is about a key unless it says itself about which.
func (c *bootChecker) add(key string, err error) {
	var all config.Problems
	var one config.Problem
	switch {
	case err == nil:
	case errors.As(err, &all):
		c.problems = append(c.problems, all...)
	case errors.As(err, &one):
		c.problems = append(c.problems, one)
	default:
		at := c.boot.At(key)
		at.What = err.Error()
		c.problems = append(c.problems, at)
	}
}

// secret reads a file whose first line is one.
func (c *bootChecker) secret(key, file string) {
	if file != "" {
		_, err := firstLine(file)
		c.add(key, err)
	}
}

// receiver reads the files by which a receiver of events or spans, or a store, is spoken to.
func (c *bootChecker) receiver(key string, t remote.TLS, headers string) {
	pair := remote.TLS{Cert: t.Cert, Key: t.Key}
	for _, one := range []struct{ key, name string }{{".tls.cert", t.Cert}, {".tls.key", t.Key}} {
		if one.name == "" {
			continue
		}
		if _, err := file.Whole(one.name, remote.CertificateBytes); err != nil {
			c.add(key+one.key, err)
			pair = remote.TLS{}
		}
	}
	for _, one := range []struct {
		key     string
		tls     remote.TLS
		headers string
	}{
		{".tls.ca", remote.TLS{CA: t.CA}, ""},
		{".tls.cert", pair, ""},
		{".headers_file", remote.TLS{}, headers},
	} {
		_, err := remote.New(one.tls, one.headers).Refresh()
		c.add(key+one.key, err)
	}
}
