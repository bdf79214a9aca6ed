package importer

import (
	"cmp"
	"regexp"
	"strings"

	"github.com/wafer-waf/wafer/config/file"
)

// nginxSites makes sites of the servers and locations of nginx with the ModSecurity module.
func nginxSites(t Text, open func(pattern string) []Text) ([]Site, Notes) {
	n := &nginx{open: open, groups: map[string][]string{}}
	n.walk(t.Name, nginxGrammar().blocks(t.Text), nginxBlock{Site: Site{Where: t.Name}}, 1)
	return n.sites, n.notes
}

type nginx struct {
	open   func(pattern string) []Text // what a name or a pattern of an include stands for
	files  int                         // that were included
	groups map[string][]string         // endpoints of upstreams, by name
	sites  []Site
	notes  Notes
}

// nginxBlock is what holds in a block, with what it has from those around it.
type nginxBlock struct {
	Site
	on, server, leads bool
}

// walk reads a block. Blocks within it have what stands in it, wherever.
func (n *nginx) walk(name string, list []block, around nginxBlock, depth int) {
	in := around
	in.Texts = append([]Text(nil), around.Texts...)
	in.leads = false
	list = n.included(list, 0)
	for i := range list {
		n.own(cmp.Or(list[i].file, name), &list[i], &in, depth)
	}
	if in.leads {
		in.Off = !in.on
		n.sites = append(n.sites, in.Site)
	}
	for i := range list {
		b := &list[i]
		name := cmp.Or(b.file, name)
		switch inner := in; b.name() {
		case "http", "if", "limit_except":
			n.walk(name, b.body, inner, depth+1)
		case "server":
			inner.server = true
			n.walk(name, b.body, inner, depth+1)
		case "location":
			if err := location(b.args(), &inner); err != "" {
				n.notes.Add(Decide, (&Text{Name: name, Line: 1}).at(b.words[0].line), "location %s is left out: %s", strings.Join(b.args(), " "), err)
				continue
			}
			n.walk(name, b.body, inner, depth+1)
		}
	}
}

// included puts files in the place where they are included, as far as they are given.
func (n *nginx) included(list []block, depth int) (out []block) {
	for _, b := range list {
		var files []Text
		if b.name() == "include" && len(b.words) == 2 && depth < maxDepth && n.open != nil {
			files = n.open(b.words[1].text)
		}
		if len(files) == 0 {
			out = append(out, b)
			continue
		}
		for _, t := range files {
			if n.files++; n.files > maxIncludes {
				break
			}
			for _, inner := range n.included(nginxGrammar().blocks(t.Text), depth+1) {
				inner.file = cmp.Or(inner.file, t.Name)
				out = append(out, inner)
			}
		}
	}
	return out
}

// own reads a directive of the block at hand.
func (n *nginx) own(name string, b *block, in *nginxBlock, depth int) {
	arg := ""
	if len(b.words) > 1 {
		arg = b.words[1].text
	}
	here := Text{Name: name, Line: b.words[0].line, Depth: depth}
	switch b.name() {
	case "modsecurity":
		in.on = strings.EqualFold(arg, "on")
	case "modsecurity_rules":
		if len(b.words) > 1 {
			in.Texts = append(in.Texts, Text{Name: name, Line: b.words[1].line, Text: arg, Depth: depth})
		}
	case "modsecurity_rules_file":
		here.Text = "Include " + arg
		in.Texts = append(in.Texts, here)
	case "modsecurity_rules_remote":
		here.Text = "SecRemoteRules " + strings.Join(b.args(), " ")
		in.Texts = append(in.Texts, here)
	case "upstream":
		for _, s := range b.body {
			if to, err := endpoint(firstArg(&s)); s.name() == "server" && err == nil {
				n.groups[arg] = append(n.groups[arg], to)
			}
		}
	case "server_name":
		n.names(here, b.args(), in)
	case "proxy_pass", "grpc_pass":
		in.leads = in.server
		if b.name() == "grpc_pass" && !strings.Contains(arg, "://") {
			arg = "grpc://" + arg
		}
		to, err := endpoint(arg)
		_, group, _ := strings.Cut(arg, "://")
		group, _, _ = strings.Cut(group, "/")
		switch {
		case len(n.groups[group]) > 0 && err == nil:
			in.To = nil
			for _, server := range n.groups[group] { // which do not say what they speak
				in.To = append(in.To, schemeOf(to)+strings.TrimPrefix(server, "http"))
			}
		case err != nil:
			in.To = nil
			n.notes.Add(Decide, here.at(1), "%v", err)
		default:
			in.To = []string{to}
		}
	case "client_max_body_size":
		if size, ok := size(arg); ok {
			in.Body = size
		}
	case "proxy_read_timeout":
		if regexp.MustCompile(`^[0-9]+(ms|s|m|h)?$`).MatchString(arg) {
			in.Response = arg + map[bool]string{true: "s"}[strings.Trim(arg, "0123456789") == ""]
		}
	case "ssl_verify_client":
		if arg != "off" {
			n.notes.Add(Decide, here.at(1), "ssl_verify_client %s is not carried: client_certificate of a route asks clients for a certificate, with a listener of the tier that ends TLS", arg)
		}
	case "allow", "deny", "auth_basic", "auth_request", "auth_jwt", "satisfy", "limit_req", "limit_conn", "valid_referers", "return", "rewrite":
		if in.server {
			n.notes.Add(Decide, here.at(1), "%s %s is not carried: what it does has to be done in front of the tier, or by routes and rules", b.name(), oneLine(strings.Join(b.args(), " ")))
		}
	}
}

func firstArg(b *block) string {
	if len(b.words) > 1 {
		return b.words[1].text
	}
	return ""
}

// names reads server_name.
func (n *nginx) names(here Text, names []string, in *nginxBlock) {
	in.Hosts = nil
	for _, h := range names {
		switch {
		case h == "_" || h == "":
		case strings.HasPrefix(h, "~") || strings.HasSuffix(h, ".*") || strings.HasPrefix(h, "$"):
			n.notes.Add(Decide, here.at(1), "server_name %s: list its hosts", h)
		case strings.HasPrefix(h, "."):
			in.Hosts = append(in.Hosts, h[1:], "*"+h)
		default:
			in.Hosts = append(in.Hosts, h)
		}
	}
	in.ID = ""
	if len(in.Hosts) > 0 {
		in.ID = in.Hosts[0]
	}
	in.Where = here.Name + ": server " + strings.Join(names, " ")
}

// location reads which paths a location takes. It returns why it cannot.
func location(args []string, in *nginxBlock) (why string) {
	kind, path := "", ""
	switch len(args) {
	case 1:
		path = args[0]
	case 2:
		kind, path = args[0], args[1]
	default:
		return "it is not understood"
	}
	in.Where += " location " + strings.Join(args, " ")
	in.ID += strings.ReplaceAll(path, "/", "-")
	switch {
	case strings.HasPrefix(path, "@"):
		return "no request is for it"
	case kind == "=":
		in.Paths = []file.PathMatch{{Exact: path}}
	case kind == "~" || kind == "~*":
		expr, err := anywhere(path, kind == "~*")
		if err != nil {
			return "its expression is not one of RE2, which the tier uses"
		}
		in.Paths = []file.PathMatch{{Regex: expr}}
	case path != "/":
		in.Paths = []file.PathMatch{{Prefix: "/" + strings.Trim(path, "/")}}
	}
	return ""
}

// anywhere makes of an expression that matches somewhere in a path one that matches all of it.
func anywhere(expr string, fold bool) (string, error) {
	if start, ok := strings.CutPrefix(expr, "^"); ok {
		expr = start
	} else {
		expr = ".*(?:" + expr + ")"
	}
	if start, ok := strings.CutSuffix(expr, "$)"); ok && !strings.HasSuffix(start, `\`) {
		expr = start + ")"
	} else if start, ok := strings.CutSuffix(expr, "$"); ok && !strings.HasSuffix(start, `\`) {
		expr = start
	} else {
		expr = "(?:" + expr + ").*"
	}
	if fold {
		expr = "(?i)" + expr
	}
	_, err := regexp.Compile(expr)
	return expr, err
}

// size reads a size of nginx.
func size(s string) (n int64, ok bool) {
	factor := int64(1)
	for suffix, f := range map[string]int64{"k": 1 << 10, "m": 1 << 20, "g": 1 << 30} {
		if digits, has := strings.CutSuffix(strings.ToLower(s), suffix); has {
			s, factor = digits, f
			break
		}
	}
	if s == "" || strings.Trim(s, "0123456789") != "" || len(s) > 10 {
		return 0, false
	}
	for _, c := range []byte(s) {
		n = n*10 + int64(c-'0')
	}
	return n * factor, true
}
