package prove

import (
	"net/url"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"

	"github.com/wafer-waf/wafer/importer"
	"github.com/wafer-waf/wafer/importer/suite"
)

// about is what the exclusions and rules of a firewall are about: names of arguments, cookies and fields,
// paths and methods.
type about struct{ args, cookies, headers, paths, methods []string }

// most bounds how many of each are tried.
const most = 12

var (
	targetRx = regexp.MustCompile(`(?i)\b(ARGS|ARGS_GET|ARGS_POST|REQUEST_COOKIES|REQUEST_HEADERS):(/(?:[^/\\]|\\.)+/|[A-Za-z0-9_.\[\]-]+)`)
	pathRx   = regexp.MustCompile(`(?i)SecRule\s+(?:REQUEST_URI|REQUEST_FILENAME|REQUEST_URI_RAW|REQUEST_BASENAME)\s+["']!?(?:@(beginsWith|streq|contains|endsWith|rx|within)\s+)?([^"']+)["']`)
	methodRx = regexp.MustCompile(`(?i)SecRule\s+REQUEST_METHOD\s+["'](?:@(?:streq|rx|within|pm)\s+)?\^?([A-Za-z]+)\$?["']`)
)

// aboutOf reads what exclusions and rules are about off their text, as whoever wrote them would.
func aboutOf(directives []importer.Directive) (a about) {
	add := func(list *[]string, s string) {
		if s != "" && len(*list) < most && !slices.Contains(*list, s) {
			*list = append(*list, s)
		}
	}
	for _, d := range directives {
		for _, m := range targetRx.FindAllStringSubmatch(d.Text, -1) {
			name := m[2]
			if strings.HasPrefix(name, "/") {
				name = sample(strings.Trim(name, "/"))
			}
			switch strings.ToUpper(m[1]) {
			case "REQUEST_COOKIES":
				add(&a.cookies, name)
			case "REQUEST_HEADERS":
				add(&a.headers, name)
			default:
				add(&a.args, name)
			}
		}
		for _, m := range pathRx.FindAllStringSubmatch(d.Text, -1) {
			path := m[2]
			if m[1] == "" || strings.EqualFold(m[1], "rx") {
				path = sample(path)
			}
			path, _, _ = strings.Cut(strings.Fields(path + " ")[0], "?")
			if !strings.HasPrefix(path, "/") {
				path = "/" + path
			}
			add(&a.paths, path)
		}
		for _, m := range methodRx.FindAllStringSubmatch(d.Text, -1) {
			add(&a.methods, strings.ToUpper(m[1]))
		}
	}
	return a
}

// sample is a text that an expression matches; empty: there is none that is simple.
func sample(expr string) string {
	re, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return ""
	}
	s := shortest(re.Simplify())
	if rx, err := regexp.Compile(expr); err != nil || !rx.MatchString(s) {
		return ""
	}
	return s
}

func shortest(re *syntax.Regexp) string {
	var b strings.Builder
	switch re.Op {
	case syntax.OpLiteral:
		b.WriteString(string(re.Rune))
	case syntax.OpCharClass:
		for _, c := range "a0A-_/." { // rather one that needs no escaping
			for i := 0; i+1 < len(re.Rune); i += 2 {
				if re.Rune[i] <= c && c <= re.Rune[i+1] {
					return string(c)
				}
			}
		}
		if len(re.Rune) > 0 {
			return string(re.Rune[0])
		}
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return "a"
	case syntax.OpCapture, syntax.OpPlus:
		return shortest(re.Sub[0])
	case syntax.OpAlternate:
		return shortest(re.Sub[0])
	case syntax.OpRepeat:
		for range re.Min {
			b.WriteString(shortest(re.Sub[0]))
		}
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			b.WriteString(shortest(sub))
		}
	}
	return b.String()
}

// variants are attacks that the exclusions may be about: the same payloads in arguments, cookies and fields of those
// names, at those paths, and at them under those names.
func variants(a about, attacks []suite.Attack) (out []suite.Attack) {
	paths := append([]string{""}, a.paths...)
	for _, x := range attacks {
		payload, found := payloadOf(&x)
		for _, p := range paths {
			if p != "" {
				out = append(out, at(x, p))
				for _, method := range a.methods {
					if v := at(x, p); method != x.Method && len(x.Body) == 0 {
						v.Method = method
						v.Headers = append(v.Headers, suite.Header{Name: "Content-Length", Value: "0"})
						out = append(out, v)
					}
				}
			}
			if !found {
				continue
			}
			for _, name := range a.args {
				v := at(bare(x), p)
				v.Target += "?" + url.QueryEscape(name) + "=" + url.QueryEscape(payload)
				out = append(out, v)
			}
			for _, name := range a.cookies {
				v := at(bare(x), p)
				v.Headers = append(v.Headers, suite.Header{Name: "Cookie", Value: name + "=" + url.QueryEscape(payload)})
				out = append(out, v)
			}
			if strings.ContainsFunc(payload, func(r rune) bool { return r < ' ' || r > '~' }) {
				continue
			}
			for _, name := range a.headers {
				v := at(bare(x), p)
				v.Headers = append(v.Headers, suite.Header{Name: name, Value: payload})
				out = append(out, v)
			}
		}
	}
	return out
}

// payloadOf is the longest value among the arguments of a request's query.
func payloadOf(a *suite.Attack) (longest string, ok bool) {
	_, query, _ := strings.Cut(a.Target, "?")
	for _, one := range strings.Split(query, "&") {
		_, value, _ := strings.Cut(one, "=")
		if text, err := url.QueryUnescape(value); err == nil && len(text) > len(longest) {
			longest = text
		}
	}
	return longest, longest != ""
}

// bare is a request to the same host with nothing else in it.
func bare(a suite.Attack) suite.Attack {
	host, _ := a.Headers.Get("Host")
	return suite.Attack{Name: a.Name, Method: "GET", Target: "/", Headers: suite.Headers{{Name: "Host", Value: host}, {Name: "User-Agent", Value: "wafer-proof"}, {Name: "Accept", Value: "*/*"}}}
}

// at moves a request to a path; empty: it stays.
func at(a suite.Attack, path string) suite.Attack {
	a.Headers = slices.Clone(a.Headers)
	if path == "" {
		return a
	}
	_, query, has := strings.Cut(a.Target, "?")
	a.Target = (&url.URL{Path: path}).EscapedPath()
	if has {
		a.Target += "?" + query
	}
	return a
}
