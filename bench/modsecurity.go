package main

import (
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"
	corazahttp "github.com/corazawaf/coraza/v3/http"

	"github.com/wafer-waf/wafer/test/stock"
)

// serveStock is what a Go programmer gets without Wafer: net/http's proxy, and Coraza's own
// handler around it.
func serveStock(listen, to string) error {
	waf, err := stock.New()
	if err != nil {
		return err
	}
	backend := &url.URL{Scheme: "http", Host: to}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(backend)
			r.SetXForwarded()
			r.Out.Host = r.In.Host
		},
		Transport: &http.Transport{MaxIdleConns: 512, MaxIdleConnsPerHost: 512, IdleConnTimeout: time.Minute, DisableCompression: true},
	}
	s := &http.Server{Addr: listen, Handler: corazahttp.WrapHandler(waf, proxy), ReadHeaderTimeout: time.Minute}
	return s.ListenAndServe()
}

func (s *site) startStock(ctx context.Context) (*server, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	v := &server{name: "net/http coraza", accessLog: "off", addr: addr, inspects: true}
	_, err = s.start(ctx, v, serverCore, "http://"+addr+"/", s.self, "coraza", "-listen", addr, "-to", s.backend)
	return v, err
}

// Where Debian's packages put what is needed here.
const (
	nginxModule    = "/usr/lib/nginx/modules/ngx_http_modsecurity_module.so"
	nginxDefaults  = "/etc/nginx/modsecurity.conf"
	nginxUnicode   = "/etc/nginx/unicode.mapping"
	apacheProgram  = "/usr/sbin/apache2"
	apacheModules  = "/usr/lib/apache2/modules"
	modsecDefaults = "/etc/modsecurity/modsecurity.conf-recommended"
	modsecUnicode  = "/etc/modsecurity/unicode.mapping"
	worldReadable  = 0o644 // by workers of other users
)

// debianPackages are those whose versions belong to the figures.
func debianPackages() []string {
	return []string{"libnginx-mod-http-modsecurity", "libmodsecurity3", "apache2", "libapache2-mod-security2"}
}

// overridden are the directives of the distribution's settings that are the same for all
// here: blocking is on, responses pass unread, and the audit log is nowhere. All else stays
// as Debian has it.
var overridden = regexp.MustCompile(`(?m)^Sec(RuleEngine|ResponseBodyAccess|AuditLog|AuditLogType|AuditLogFormat|StatusEngine|UnicodeMapFile) .*$`)

// directive is where one begins. The module's files have no empty lines, and libmodsecurity
// takes a rule without actions that another one follows at once for a mistake.
var directive = regexp.MustCompile(`(?m)^Sec`)

// writeRules writes what a ModSecurity reads into a folder: the distribution's settings, and
// the same Core Rule Set that Wafer has. It returns the file that includes everything.
func writeRules(dir, defaults, unicode string) (string, error) {
	rules := filepath.Join(dir, "crs")
	if err := os.MkdirAll(rules, 0o755); err != nil {
		return "", err
	}
	files, err := fs.Glob(coreruleset.FS, "@owasp_crs/*")
	if err != nil {
		return "", err
	}
	for _, name := range append(slices.Clone(files), "@crs-setup.conf.example") {
		text, err := fs.ReadFile(coreruleset.FS, name)
		if err != nil {
			return "", err
		}
		if strings.Contains(name, ".conf") {
			text = directive.ReplaceAll(text, []byte("\nSec"))
		}
		if err := os.WriteFile(filepath.Join(rules, strings.TrimPrefix(filepath.Base(name), "@")), text, worldReadable); err != nil {
			return "", err
		}
	}
	text, err := os.ReadFile(defaults)
	if err != nil {
		return "", err
	}
	settings := overridden.ReplaceAllString(string(text), "")
	settings += fmt.Sprintf(`
SecRuleEngine On
SecResponseBodyAccess Off
SecAuditLogType Serial
SecAuditLogFormat JSON
SecAuditLog /dev/null
SecStatusEngine Off
SecUnicodeMapFile %s 20127
Include %s/crs-setup.conf.example
Include %s/*.conf
`, unicode, rules, rules)
	file := filepath.Join(dir, "modsecurity.conf")
	return file, os.WriteFile(file, []byte(settings), worldReadable)
}

// startNginxModSecurity starts nginx with Debian's libmodsecurity3.
func (s *site) startNginxModSecurity(ctx context.Context, program string) (*server, error) {
	rules, err := writeRules(filepath.Join(s.dir, "rules-nginx"), nginxDefaults, nginxUnicode)
	if err != nil {
		return nil, err
	}
	return s.startNginxWith(ctx, program, "nginx modsecurity", "off",
		"load_module "+nginxModule+";", "modsecurity on; modsecurity_rules_file "+rules+";")
}

// apacheConf has one process with 25 threads, and connections that are kept on both sides.
const apacheConf = `ServerRoot %[1]s
ServerName shop.example.com
PidFile %[1]s/apache.pid
DefaultRuntimeDir %[1]s
Listen %[2]s
User www-data
Group www-data
LoadModule mpm_event_module %[3]s/mod_mpm_event.so
LoadModule authz_core_module %[3]s/mod_authz_core.so
LoadModule unique_id_module %[3]s/mod_unique_id.so
LoadModule proxy_module %[3]s/mod_proxy.so
LoadModule proxy_http_module %[3]s/mod_proxy_http.so
LoadFile libxml2.so.2
LoadModule security2_module %[3]s/mod_security2.so
ErrorLog /dev/null
LogLevel crit
StartServers 1
ServerLimit 1
ThreadsPerChild 25
MaxRequestWorkers 25
KeepAlive On
MaxKeepAliveRequests 0
KeepAliveTimeout 600
ProxyPreserveHost On
ProxyPass "/" "http://%[4]s/" keepalive=On
Include %[5]s
`

// startApacheModSecurity starts Apache with Debian's ModSecurity 2.
func (s *site) startApacheModSecurity(ctx context.Context) (*server, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(s.dir, "apache")
	rules, err := writeRules(dir, modsecDefaults, modsecUnicode)
	if err != nil {
		return nil, err
	}
	conf := filepath.Join(dir, "apache.conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, apacheConf, dir, addr, apacheModules, s.backend, rules), worldReadable); err != nil {
		return nil, err
	}
	v := &server{name: "apache modsecurity", accessLog: "off", addr: addr, inspects: true}
	_, err = s.start(ctx, v, serverCore, "http://"+addr+"/", apacheProgram, "-f", conf, "-DFOREGROUND")
	return v, err
}
