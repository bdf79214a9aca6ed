package k8s

import (
	"path"
	"strings"

	"github.com/wafer-waf/wafer/config/file"
)

// secretsAt is where the tier finds Secrets that an upstream names, each in a folder of its namespace and name.
const secretsAt = "/etc/wafer/secrets"

// speaks is how the applications behind an Ingress are spoken to, as an upstream says it. It reports false if the tier cannot.
func (im *nginx) speaks(a *annotated) (u file.Upstream, ok bool) {
	switch p := strings.ToUpper(a.get("backend-protocol")); p {
	case "", "HTTP":
		return u, true
	case "GRPC":
		u.Protocol = "h2c"
		return u, true
	case "GRPCS":
		u.Protocol = "h2"
	case "HTTPS":
	default:
		im.note(Decide, a, "backend-protocol %s: the tier does not speak it to applications, so its routes are left out", p)
		return u, false
	}
	u.TLS = im.proxySSL(a)
	return u, true
}

// scheme is what the endpoints of an upstream begin with.
func scheme(u *file.Upstream) string {
	if u.TLS != nil {
		return "https://"
	}
	return "http://"
}

// proxySSL reads the annotations about TLS with applications. Unless told otherwise, nginx believes whoever answers.
func (im *nginx) proxySSL(a *annotated) *file.TLS {
	t := &file.TLS{}
	name, sends := a.get("proxy-ssl-name"), a.get("proxy-ssl-server-name")
	if strings.Contains(name, "$") {
		im.note(Decide, a, "proxy-ssl-name %q holds a variable: say server_name of the upstream, unless it is the endpoint's host", name)
		name = ""
	}
	t.ServerName = name
	if strings.EqualFold(sends, "off") {
		im.note(Told, a, "proxy-ssl-server-name off: the tier always says which name it asks for")
	}
	verifies := strings.EqualFold(a.get("proxy-ssl-verify"), "on")
	if secret := a.get("proxy-ssl-secret"); secret != "" {
		namespace, own, found := strings.Cut(secret, "/")
		if !found {
			namespace, own = a.Namespace, secret
		}
		at := path.Join(secretsAt, namespace, own)
		t.Certificate = &file.Certificate{Cert: path.Join(at, "tls.crt"), Key: path.Join(at, "tls.key")}
		if verifies {
			t.CA = []string{path.Join(at, "ca.crt")}
		}
		im.note(Decide, a, "proxy-ssl-secret %s: have it mounted at %s in the tier's pods", secret, at)
	}
	if !verifies {
		t.Verify = "off"
		im.note(Decide, a, "backend-protocol %s without proxy-ssl-verify on: as with nginx, whoever answers is believed. Say tls.ca of the upstream instead of tls.verify: off", strings.ToUpper(a.get("backend-protocol")))
	}
	im.proxySSLVersion(a, t)
	return t
}

// proxySSLVersion reads the oldest version, and tells of the annotations that have no counterpart.
func (im *nginx) proxySSLVersion(a *annotated, t *file.TLS) {
	if list := strings.Fields(a.get("proxy-ssl-protocols")); len(list) == 1 && list[0] == "TLSv1.3" {
		t.MinVersion = "tls1.3"
	} else if len(list) > 0 {
		for _, version := range list {
			if version != "TLSv1.2" && version != "TLSv1.3" {
				im.note(Told, a, "proxy-ssl-protocols %s: the tier speaks TLS 1.2 and 1.3", version)
			}
		}
	}
	if ciphers := a.get("proxy-ssl-ciphers"); ciphers != "" {
		im.note(Told, a, "proxy-ssl-ciphers %s: the tier offers those of its library, of which none is weak", oneLine(ciphers))
	}
	if depth := a.get("proxy-ssl-verify-depth"); depth != "" {
		im.note(Told, a, "proxy-ssl-verify-depth %s: the tier follows a chain of certificates to its end", depth)
	}
}
