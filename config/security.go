package config

import (
	"path/filepath"
	"strings"
	"time"

	"github.com/wafer-waf/wafer/identity"
)

// HSTS tells browsers to come by HTTPS alone (RFC 6797).
type HSTS struct {
	MaxAge     time.Duration `mapstructure:"max_age" short:"string"`
	Subdomains bool          `mapstructure:"subdomains"`
	Preload    bool          `mapstructure:"preload"`
}

// preloadAge is what the lists of browsers want at least.
const preloadAge = 365 * 24 * time.Hour

// checkSecurity checks what a route says of TLS.
func (c *checker) checkSecurity(path string, r *Route) {
	word(c, path+".https", r.HTTPS)
	c.between(path+".https_port", r.HTTPSPort, 1, 65535)
	if (r.HTTPS == HTTPSOptional || r.HTTPS == HTTPSRequire) && c.says(path+".https_port") {
		c.add(path+".https_port", "has no effect without https: redirect: remove it")
	}
	if h := r.HSTS; h != nil {
		switch at := path + ".hsts"; {
		case c.doc != nil && !c.doc.has(at+".max_age"):
			c.add(at, "needs max_age, such as 8760h")
		case h.MaxAge < 0 || h.MaxAge%time.Second != 0:
			c.add(at+".max_age", "%s is no number of seconds", h.MaxAge)
		case h.Preload && (h.MaxAge < preloadAge || !h.Subdomains):
			c.add(at+".preload", "browsers take it with subdomains: true and a max_age of 8760h at least")
		}
	}
	word(c, path+".forward_client_certificate", r.ForwardClient)
	if r.ClientCertificate != nil {
		checkClientCertificate(c, path+".client_certificate", r.ClientCertificate)
	}
}

// readClientFiles reads the files that routes name about the certificates of clients.
func (l *loader) readClientFiles() {
	for i := range l.routes.Routes {
		cc := l.routes.Routes[i].ClientCertificate
		if cc == nil {
			continue
		}
		at := indexPath("routes", i) + ".client_certificate"
		doc, _ := l.doc.find(at)
		dir := filepath.Dir(doc.file)
		var paths []string
		read := func(key string, names []string) (texts []identity.Text) {
			for j, name := range names {
				key := indexPath(key, j)
				from, rel := dir, name
				if filepath.IsAbs(name) {
					from, rel = string(filepath.Separator), name[1:]
				}
				paths = append(paths, key[:2]+" "+filepath.Join(from, rel))
				if _, checking := l.from.(memory); checking && filepath.IsAbs(name) {
					if data, err := (disk{}).read(name); err == nil { // or the file is where the tier runs, not here
						texts = append(texts, identity.Text{Key: key, Data: data})
					}
					continue
				}
				text, err := l.secret(from, rel)
				if err != nil {
					l.add(at+"."+key, "%s", strings.Replace(err.Error(), rel, name, 1))
					continue
				}
				texts = append(texts, identity.Text{Key: key, Data: []byte(text)})
			}
			return texts
		}
		cc.CATexts, cc.CRLTexts = read("ca", cc.CA), read("crl", cc.CRL)
		cc.Trust = strings.Join(paths, "\x00")
	}
}
