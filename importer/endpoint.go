package importer

import (
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/wafer-waf/wafer/config/file"
)

// schemes are what firewalls begin an application's address with, and how a Site says it.
var schemes = map[string]string{"http": "http", "https": "https", "h2c": "h2c", "grpc": "h2c", "grpcs": "h2", "h2": "h2"}

// endpoint reads an application's address. Without a scheme it is one of HTTP.
func endpoint(s string) (string, error) {
	if !strings.Contains(s, "://") {
		s = "http://" + s
	}
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" || strings.ContainsAny(s, "${}") {
		return "", fmt.Errorf("%q is no address that can be written as an endpoint", s)
	}
	scheme := schemes[u.Scheme]
	if scheme == "" {
		return "", fmt.Errorf("%s: the tier speaks HTTP to applications", s)
	}
	port := u.Port()
	if port == "" {
		port = map[bool]string{true: "443", false: "80"}[scheme == "https" || scheme == "h2"]
	}
	return scheme + "://" + net.JoinHostPort(u.Hostname(), port), nil
}

// speak makes of the endpoints of a site those of an upstream, which says by key what is spoken there.
func (o *Outcome) speak(s *Site, u *file.Upstream) {
	scheme := schemeOf(s.To[0])
	begin := map[string]string{"h2c": "http", "h2": "https"}[scheme]
	if begin == "" {
		begin = scheme
	} else {
		u.Protocol = scheme
	}
	for _, to := range s.To {
		_, addr, _ := strings.Cut(to, "://")
		u.Endpoints = append(u.Endpoints, begin+"://"+addr)
	}
	if begin == "https" && !s.Verifies {
		u.TLS = &file.TLS{Verify: "off"}
		o.Notes.Add(Decide, s.Where, "as before, whoever answers at %s is believed: say tls.ca of the upstream instead of tls.verify: off", u.Endpoints[0])
	}
}

func schemeOf(to string) string {
	scheme, _, _ := strings.Cut(to, "://")
	return scheme
}
