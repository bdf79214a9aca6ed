package proxy

import (
	"encoding/base64"
	"errors"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wafer-waf/wafer/audit"
	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/identity"
	"github.com/wafer-waf/wafer/inspect"
	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/snapshot"
)

// What a route may ask of a connection, and not get.
var (
	inClearText  = inspect.Failure{Status: http.StatusForbidden, Word: "clear_text"}
	misdirected  = inspect.Failure{Status: http.StatusMisdirectedRequest, Word: "misdirected"}
	unidentified = inspect.Failure{Status: http.StatusForbidden, Word: "client_certificate_missing"}
	untrusted    = inspect.Failure{Status: http.StatusForbidden, Word: "client_certificate_untrusted"}
	expired      = inspect.Failure{Status: http.StatusForbidden, Word: "client_certificate_expired"}
	revoked      = inspect.Failure{Status: http.StatusForbidden, Word: "client_certificate_revoked"}
	notAllowed   = inspect.Failure{Status: http.StatusForbidden, Word: "client_certificate_not_allowed"}
)

// demand is what a route asks of clients' certificates by itself.
type demand struct {
	mode identity.Mode
	only *identity.Allow // nil: all that are verified
}

// demandOf is nil for a route that says nothing.
func demandOf(c *config.ClientCertificate) *demand {
	if c == nil {
		return nil
	}
	return &demand{mode: snapshot.Mode(c.Mode), only: snapshot.Allow(&c.Allow)}
}

// isSecure reports whether the client's own connection is encrypted: this one, or the one that a trusted proxy
// speaks of.
func (v *view) isSecure() bool {
	if v.trusted {
		if proto := v.Fields.Get("X-Forwarded-Proto"); proto != "" {
			return strings.EqualFold(proto, "https")
		}
	}
	return v.Security != nil
}

// told is what an event tells of the client's TLS.
func (v *view) told() (s audit.Secured) {
	if v.Security == nil {
		return s
	}
	s.Version, s.ServerName = strings.TrimPrefix(v.Security.Version, "TLS "), v.Security.ServerName
	if who := v.who; who != nil {
		s.Client, s.SHA256 = who.Subject, who.SHA256
		if len(who.URIs) > 0 {
			s.Client = who.URIs[0]
		}
	}
	return s
}

// inClearText reports whether the client has to come by https, and does not.
func (x *exchange) inClearText() bool {
	return x.route != nil && x.route.Config.HTTPS != config.HTTPSOptional && !x.view.isSecure()
}

// secured reports whether the connection is what the route asks for. It answers itself if not.
func (x *exchange) secured() bool {
	r, v := x.route, &x.view
	if x.inClearText() {
		if r.Config.HTTPS == config.HTTPSRequire {
			return x.refuse(inClearText)
		}
		x.outcome.Coverage = inspect.Coverage{Label: inspect.None, Reason: inspect.ReasonRedirect}
		x.answerRedirect(http.StatusPermanentRedirect, httpsLocation(v, x.authority(), r.Config.HTTPSPort))
		return false
	}
	if v.Security == nil && r.demand != nil && r.demand.mode == identity.Require {
		return x.refuse(unidentified)
	}
	return true
}

// known finds out who the client has proved to be, if TLS can tell. It answers itself if what was shown is not good.
func (x *exchange) known() bool {
	if x.view.Security == nil {
		return true
	}
	asked, ok := x.view.Security.Terms.(*identity.Asked)
	return !ok || x.identified(asked)
}

// identified finds out who the client is, under terms that are in force now.
func (x *exchange) identified(asked *identity.Asked) bool {
	var terms *identity.Terms
	if hosts := x.snapshot.Hosts; hosts != nil {
		terms = hosts.Find(x.view.Host)
	}
	if terms == nil {
		terms = asked.Default()
	}
	if terms.ID != asked.Terms.ID {
		// The handshake was for another host, or was before a reload: another connection begins with the right one.
		x.refuse(misdirected)
		x.client.Close()
		return false
	}
	if terms.Mode == identity.Off {
		return true
	}
	who, err := asked.Who(terms, time.Now())
	d := x.route.demand
	switch {
	case err != nil:
		x.refuse(certificateFailure(err))
		x.client.Close()
		return false
	case d == nil:
	case who == nil && d.mode == identity.Require:
		return x.refuse(unidentified)
	case who != nil && !d.only.Admits(who):
		if d.mode != identity.Request {
			return x.refuse(notAllowed)
		}
		who = nil
	}
	x.view.who = who
	return true
}

func certificateFailure(err error) inspect.Failure {
	switch {
	case errors.Is(err, identity.ErrExpired):
		return expired
	case errors.Is(err, identity.ErrRevoked):
		return revoked
	case errors.Is(err, identity.ErrNotAllowed):
		return notAllowed
	}
	return untrusted
}

// httpsLocation is the same place by HTTPS.
func httpsLocation(v *view, authority string, port int) string {
	host := authority
	if name, _, err := net.SplitHostPort(host); err == nil {
		if host = name; strings.Contains(name, ":") {
			host = "[" + name + "]"
		}
	}
	if port != 443 {
		host += ":" + strconv.Itoa(port)
	}
	target := v.Target
	if target == "*" {
		target = ""
	}
	return "https://" + host + target
}

// hstsOf is the value of Strict-Transport-Security (RFC 6797, 6.1); empty: none is sent.
func hstsOf(h *config.HSTS) string {
	if h == nil {
		return ""
	}
	value := "max-age=" + strconv.FormatInt(int64(h.MaxAge/time.Second), 10)
	if h.Subdomains {
		value += "; includeSubDomains"
	}
	if h.Preload {
		value += "; preload"
	}
	return value
}

const hstsField = "Strict-Transport-Security"

// certificateFields are those in which proxies say who a client has proved to be.
var certificateFields = names(forwardedCertificate, clientCertificate, "Client-Cert-Chain")

const (
	forwardedCertificate = "X-Forwarded-Client-Cert"
	clientCertificate    = "Client-Cert"
)

// toldFields are those in which the tier tells the rules who a client has proved to be. They are shown to nobody else,
// and what clients write there is shown to nobody.
var toldFields = names(toldCertificate, toldSHA256)

const (
	toldCertificate = "Wafer-Client-Certificate"
	toldSHA256      = "Wafer-Client-Certificate-SHA256"
)

func isTold(f message.Field) bool { return toldFields.has(f.Name) }

// shownFields are the fields of the head as the rules see them.
func (v *view) shownFields() message.Fields {
	fields := withoutTold(v.Fields)
	if v.who == nil {
		return fields
	}
	s := v.told()
	return append(slices.Clip(fields), message.Field{Name: toldCertificate, Value: s.Client}, message.Field{Name: toldSHA256, Value: s.SHA256})
}

// withoutTold are fields of a client without those that are not for clients to write.
func withoutTold(fields message.Fields) message.Fields {
	if !slices.ContainsFunc(fields, isTold) {
		return fields
	}
	return slices.DeleteFunc(slices.Clone(fields), isTold)
}

// identityField is how an upstream hears of who has asked; no name: it does not.
func (x *exchange) identityField() message.Field {
	switch {
	case x.view.who == nil:
	case x.route.Config.ForwardClient == config.ForwardXFCC:
		return message.Field{Name: forwardedCertificate, Value: xfcc(x.view.who)}
	case x.route.Config.ForwardClient == config.ForwardCert:
		return message.Field{Name: clientCertificate, Value: ":" + base64.StdEncoding.EncodeToString(x.view.who.Chain[0].Raw) + ":"}
	}
	return message.Field{}
}

// xfcc writes an identity as Envoy does.
func xfcc(c *message.ClientCertificate) string {
	var b strings.Builder
	b.WriteString("Hash=" + c.SHA256 + `;Subject="` + harmless(c.Subject) + `"`)
	for _, uri := range c.URIs {
		b.WriteString(`;URI="` + harmless(uri) + `"`)
	}
	for _, name := range c.DNS {
		b.WriteString(`;DNS="` + harmless(name) + `"`)
	}
	return b.String()
}

// harmless is a text between quotes. Whoever issued a certificate may have written anything into its names.
func harmless(s string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b.WriteString(`\` + string(c))
		case c < 0x20 || c >= 0x7f:
			b.WriteString(`\` + string(digits[c>>4]) + string(digits[c&15]))
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
