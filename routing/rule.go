package routing

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/wafer-waf/wafer/message"
)

// rule holds the conditions of an entry, compiled. No list has an element twice, and there is always
// at least one host and one path, if only the one that matches any.
type rule struct {
	id      string
	order   int // index of the entry
	hosts   []hostPattern
	paths   []*pathPattern
	methods []string
	headers []headerPattern
}

// headerPattern is a header condition of an entry.
type headerPattern struct {
	name  string // lower case
	kind  HeaderKind
	value string
	regex *regexp.Regexp
}

// compileRule checks every condition and returns all that is wrong.
func compileRule(order int, id string, hosts []string, paths []Path, methods []string, headers []Header) (*rule, []error) {
	r := &rule{id: id, order: order}
	var problems []error
	report := func(list string, i int, err error) {
		problems = append(problems, &Problem{Entry: order, ID: id, Key: fmt.Sprintf("%s[%d]", list, i), What: err.Error()})
	}
	for i, host := range hosts {
		h, err := compileHost(host)
		if err != nil {
			report("hosts", i, fmt.Errorf("%q: %w", host, err))
			continue
		}
		if !slices.Contains(r.hosts, h) {
			r.hosts = append(r.hosts, h)
		}
	}
	for i, path := range paths {
		p, err := compilePath(path)
		if err != nil {
			report("paths", i, err)
			continue
		}
		if !slices.ContainsFunc(r.paths, func(q *pathPattern) bool { return q.path == p.path }) {
			r.paths = append(r.paths, p)
		}
	}
	for i, method := range methods {
		if err := checkMethod(method); err != nil {
			report("methods", i, err)
			continue
		}
		if !slices.Contains(r.methods, method) {
			r.methods = append(r.methods, method)
		}
	}
	for i, header := range headers {
		h, err := compileHeader(header)
		if err != nil {
			report("headers", i, err)
			continue
		}
		if !slices.ContainsFunc(r.headers, func(g headerPattern) bool { return g.String() == h.String() }) {
			r.headers = append(r.headers, h)
		}
	}
	if len(hosts) == 0 {
		r.hosts = []hostPattern{{}}
	}
	if len(paths) == 0 {
		r.paths = []*pathPattern{{kind: PathPrefix, any: true}}
	}
	return r, problems
}

// conditions returns a text that two rules share if, and only if, they match the same requests by
// the same conditions, in whatever order these were written.
func (r *rule) conditions() string {
	var hosts, paths, headers []string
	for _, h := range r.hosts {
		hosts = append(hosts, h.String())
	}
	for _, p := range r.paths {
		paths = append(paths, p.kind.String()+p.value) // no paths is the prefix "/"
	}
	for _, h := range r.headers {
		headers = append(headers, h.String())
	}
	methods := slices.Clone(r.methods)
	for _, list := range [][]string{hosts, paths, methods, headers} {
		slices.Sort(list)
	}
	return fmt.Sprintf("%q %q %q %q", hosts, paths, methods, headers)
}

// checkMethod also refuses the well-known methods in another case, since no request has them.
func checkMethod(method string) error {
	if !message.IsToken(method) {
		return fmt.Errorf(`%q is no method: write a token (RFC 9110, section 5.6.2) like "GET"`, method)
	}
	switch upper := strings.ToUpper(method); upper {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE":
		if upper != method {
			return fmt.Errorf("%q: methods are compared with case, write %q", method, upper)
		}
	}
	return nil
}

func (r *rule) matchMethod(method string) bool {
	return len(r.methods) == 0 || slices.Contains(r.methods, method)
}

func compileHeader(h Header) (headerPattern, error) {
	if !message.IsToken(h.Name) {
		return headerPattern{}, fmt.Errorf(`%q is no field name: write a token (RFC 9110, section 5.6.2) like "X-Env"`, h.Name)
	}
	p := headerPattern{name: strings.ToLower(h.Name), kind: h.Kind, value: h.Value}
	switch h.Kind {
	case HeaderExact:
		if trimmed := strings.Trim(h.Value, " \t"); trimmed != h.Value {
			return p, fmt.Errorf("field %q: value %q has spaces around it, which no request has: write %q", h.Name, h.Value, trimmed)
		}
	case HeaderRegex:
		var err error
		if p.regex, err = compileRegex(h.Value); err != nil {
			return p, fmt.Errorf("field %q: %w", h.Name, err)
		}
	case HeaderPresent:
		if h.Value != "" {
			return p, fmt.Errorf("field %q: present takes no value, but there is %q: leave it out or use exact", h.Name, h.Value)
		}
	default:
		return p, fmt.Errorf("field %q: %s is none of exact, regex and present", h.Name, h.Kind)
	}
	return p, nil
}

// holds reports whether one of the field lines meets the condition.
func (h *headerPattern) holds(fields message.Fields) bool {
	for i := range fields {
		if h.match(&fields[i]) {
			return true
		}
	}
	return false
}

// match reports whether one field line meets the condition.
func (h *headerPattern) match(f *message.Field) bool {
	if !f.Is(h.name) {
		return false
	}
	switch h.kind {
	case HeaderExact:
		return f.Value == h.value
	case HeaderRegex:
		return h.regex.MatchString(f.Value)
	}
	return true
}

func (h headerPattern) String() string {
	if h.kind == HeaderPresent {
		return h.name + " present"
	}
	return fmt.Sprintf("%s %s %q", h.name, h.kind, h.value)
}

// rank says where a candidate stands in the order of precedence that the package documents.
type rank struct {
	host    int
	path    int
	length  int
	methods int
	headers int
	order   int
}

func (r *rule) rank(h hostPattern, p *pathPattern) rank {
	return rank{
		host:    h.rank(),
		path:    p.rank(),
		length:  len(p.value),
		methods: min(len(r.methods), 1),
		headers: len(r.headers),
		order:   r.order,
	}
}

// compare is negative if a comes before b.
func (a rank) compare(b rank) int {
	return cmp.Or(
		cmp.Compare(b.host, a.host),
		cmp.Compare(b.path, a.path),
		cmp.Compare(b.length, a.length),
		cmp.Compare(b.methods, a.methods),
		cmp.Compare(b.headers, a.headers),
		cmp.Compare(a.order, b.order),
	)
}
