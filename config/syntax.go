package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/wafer-waf/wafer/message"
)

// Checks of single values. They return what is wrong and what would be right.

const maxIDLength = 63 // a DNS label, so that ids fit into Kubernetes labels

func checkID(id string) error {
	if len(id) > maxIDLength {
		return fmt.Errorf("has %d characters: at most %d", len(id), maxIDLength)
	}
	for _, b := range []byte(id) {
		if !isLowerOrDigit(b) && b != '-' && b != '_' && b != '.' {
			return fmt.Errorf("%q may hold only a-z, 0-9, \"-\", \"_\" and \".\"", id)
		}
	}
	return nil
}

func isLowerOrDigit(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= '0' && b <= '9'
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// standardMethods are those of RFC 9110 and RFC 5789.
var standardMethods = []string{"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"}

func checkMethod(m string) error {
	if !message.IsToken(m) {
		return fmt.Errorf("%q is not a method", m)
	}
	if upper := strings.ToUpper(m); upper != m && slices.Contains(standardMethods, upper) {
		return fmt.Errorf("%q is not the method %s: methods are case-sensitive", m, upper)
	}
	return nil
}

func checkHeaderName(name string) error {
	switch {
	case name == "":
		return errors.New("required")
	case strings.HasPrefix(name, ":"):
		return fmt.Errorf("%q is a pseudo-header, not a header name", name)
	case !message.IsToken(name):
		return fmt.Errorf("%q is not a header name", name)
	}
	return nil
}

func checkHeaderValue(v string) error {
	if strings.ContainsFunc(v, isControl) {
		return errors.New("holds a control character")
	}
	if strings.Trim(v, " ") != v {
		return errors.New("starts or ends with a space, which no recipient keeps")
	}
	return nil
}

// checkHost accepts what a route may match: a name, *.name or an IP address.
func checkHost(h string) error {
	switch {
	case h == "" || h == "*":
		return errors.New(`leave hosts out to match any host`)
	case strings.Contains(h, "://"):
		return fmt.Errorf("%q has a scheme: write the host alone", h)
	case strings.ContainsAny(h, "/?#@"):
		return fmt.Errorf("%q is more than a host: write the host alone", h)
	}
	if addr, err := netip.ParseAddr(strings.Trim(h, "[]")); err == nil {
		if bracketed := strings.HasPrefix(h, "[") && strings.HasSuffix(h, "]"); addr.Is6() != bracketed || addr.Zone() != "" {
			return fmt.Errorf("%q is not a host: write an IPv6 address as [::1], an IPv4 address as 192.0.2.1", h)
		}
		return nil
	}
	if name, port, ok := strings.Cut(h, ":"); ok {
		return fmt.Errorf("%q has a port (%s): hosts match on every port, write %q", h, port, name)
	}
	name, wildcard := strings.CutPrefix(h, "*.")
	if strings.Contains(name, "*") {
		return fmt.Errorf("%q: a wildcard must be the whole first label, as in *.example.com", h)
	}
	if strings.ContainsFunc(name, func(r rune) bool { return r >= 0x80 }) {
		return nil // routing folds it by IDNA, or says why it cannot
	}
	if err := checkName(strings.ToLower(name)); err != nil {
		return fmt.Errorf("%q %w", h, err)
	}
	if wildcard && len(h) > 253 {
		return fmt.Errorf("%q is longer than 253 characters", h)
	}
	return nil
}

// checkName checks a DNS name, or one of Kubernetes, in lower case.
func checkName(name string) error {
	if len(name) > 253 {
		return errors.New("is longer than 253 characters")
	}
	if strings.HasSuffix(name, ".") {
		return errors.New("ends with a dot: leave it out")
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" {
			return errors.New("has an empty label")
		}
		if len(label) > 63 {
			return errors.New("has a label longer than 63 characters")
		}
		for _, b := range []byte(label) {
			switch {
			case b >= 0x80:
				return errors.New("is not ASCII: write it in its xn-- form")
			case !isLowerOrDigit(b) && b != '-' && b != '_':
				return fmt.Errorf("holds %q, which no host name does", b)
			}
		}
		if label[0] == '-' || label[len(label)-1] == '-' {
			return errors.New("has a label that starts or ends with a hyphen")
		}
	}
	return nil
}

// checkEndpoint accepts http://host:port and https://host:port.
func checkEndpoint(e string) error {
	scheme, authority, _ := strings.Cut(e, "://")
	port := map[string]string{"http": "80", "https": "443"}[scheme]
	u, err := url.Parse(e)
	switch {
	case port == "" || err != nil:
		return fmt.Errorf("%q is not http://host:port or https://host:port", e)
	case u.User != nil:
		return fmt.Errorf("holds a user or password: write %s://host:port", scheme)
	case u.Path != "" || u.RawQuery != "" || u.ForceQuery || strings.Contains(e, "#"):
		return fmt.Errorf("%q has a path or query: write %s://%s", e, scheme, u.Host)
	case u.Port() == "":
		return fmt.Errorf("%q has no port: write %s://%s:%s", e, scheme, u.Host, port)
	}
	return checkAuthority(authority)
}

// checkAuthority accepts host:port.
func checkAuthority(a string) error {
	host, port, err := net.SplitHostPort(a)
	if err != nil || host == "" {
		return fmt.Errorf("%q is not host:port", a)
	}
	if err := checkPort(port); err != nil {
		return err
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		if addr.Is6() != strings.HasPrefix(a, "[") || addr.Zone() != "" {
			return fmt.Errorf("%q is not host:port", a)
		}
		return nil
	}
	if err := checkName(strings.ToLower(host)); err != nil {
		return fmt.Errorf("host %q %w", host, err)
	}
	return nil
}

// checkURLPort accepts a URL without a port, or with one that there is.
func checkURLPort(u *url.URL) error {
	if port := u.Port(); port != "" {
		return checkPort(port)
	}
	return nil
}

func checkPort(port string) error {
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return fmt.Errorf("port %q is out of range: 1 to 65535", port)
	}
	return nil
}

// checkMatchPath accepts a path as routes and exclusions compare it, or the start of one: decoded, so that a
// space is a space.
func checkMatchPath(p string) error {
	if err := checkPath(p); err == nil || !strings.Contains(p, " ") {
		return err
	}
	return checkPath(strings.ReplaceAll(p, " ", ""))
}

// checkExclusionPath accepts a path as rules see it, which is decoded.
func checkExclusionPath(p string) error {
	if decoded, err := url.PathUnescape(p); err == nil && decoded != p {
		return fmt.Errorf("%q is compared with paths that are decoded: write %q", p, decoded)
	}
	return checkMatchPath(p)
}

// checkPath accepts the path that somebody is sent to, without query.
func checkPath(p string) error {
	switch {
	case !strings.HasPrefix(p, "/"):
		return fmt.Errorf("%q must start with \"/\"", p)
	case strings.ContainsAny(p, "?#"):
		return fmt.Errorf("%q holds a query or fragment: write the path alone", p)
	case strings.Contains(p, " "):
		return fmt.Errorf("%q holds a space: write %q", p, strings.ReplaceAll(p, " ", "%20"))
	case strings.ContainsFunc(p, isControl):
		return fmt.Errorf("%q holds a control character", p)
	}
	return nil
}

// checkPathRegexp accepts a regular expression that can match a whole path.
func checkPathRegexp(expr string) error {
	if err := checkRegexp(expr); err != nil {
		return err
	}
	if start, _ := regexp.MustCompile(expr).LiteralPrefix(); start != "" && start[0] != '/' {
		return fmt.Errorf("%q never matches: it must match the whole path, which starts with \"/\"", expr)
	}
	return nil
}

// checkRegexp accepts a regular expression of RE2.
func checkRegexp(expr string) error {
	_, err := regexp.Compile(expr)
	if err == nil {
		return nil
	}
	return fmt.Errorf("%q is not a regular expression: %s", expr, strings.TrimPrefix(err.Error(), "error parsing regexp: "))
}

var mimeType = regexp.MustCompile(`^[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9][a-z0-9!#$&^_.+-]*$`)

// checkMIMEType accepts type/subtype in lower case.
func checkMIMEType(t string) error {
	bare, _, _ := strings.Cut(t, ";")
	bare = strings.TrimSpace(strings.ToLower(bare))
	switch {
	case mimeType.MatchString(t):
		return nil
	case mimeType.MatchString(bare):
		return fmt.Errorf("%q must be lower case and without parameters: write %q", t, bare)
	default:
		return fmt.Errorf("%q is not a media type: write it like text/html", t)
	}
}
