package config

import (
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// documentation is docs/configuration.md: its text, and the rows of its tables by the
// first cell, without backticks.
type documentation struct {
	text string
	rows map[string][]string
}

func readDocumentation(t *testing.T) documentation {
	t.Helper()
	data, err := os.ReadFile("../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	d := documentation{text: string(data), rows: map[string][]string{}}
	for line := range strings.Lines(d.text) {
		row, ok := strings.CutPrefix(strings.TrimSpace(line), "| `")
		if !ok {
			continue
		}
		cells := strings.Split(strings.ReplaceAll("`"+strings.TrimSuffix(row, " |"), "`", ""), " | ")
		if d.rows[cells[0]] != nil {
			t.Errorf("%s is documented twice", cells[0])
		}
		d.rows[cells[0]] = cells
	}
	return d
}

// cell returns a cell of a row, or "" if the row is shorter.
func cell(row []string, i int) string {
	if i >= len(row) {
		return ""
	}
	return row[i]
}

// TestBootIsDocumented expects a row for each setting: key, flag, variable, default,
// and the help text of the flag.
func TestBootIsDocumented(t *testing.T) {
	d := readDocumentation(t)
	for _, s := range settings {
		byDefault := formatValue(valueAt(reflect.ValueOf(DefaultBoot()), s.path))
		if byDefault == "" {
			byDefault = "–"
		}
		want := []string{s.path, "--" + s.flag, variable(s.path), byDefault, s.usage}
		if got := d.rows[s.path]; !slices.Equal(got, want) {
			t.Errorf("%s\n got %q\nwant %q", s.path, got, want)
		}
	}
	want := strings.Join([]string{"|  | --" + configFlag, configVariable, "–", configUsage}, " | ")
	if !strings.Contains(strings.ReplaceAll(d.text, "`", ""), want) {
		t.Errorf("no row %q", want)
	}
}

// TestRoutesAreDocumented expects a row for each key of the route file with its default.
func TestRoutesAreDocumented(t *testing.T) {
	d := readDocumentation(t)
	known := map[string]bool{}
	visit := func(path string, byDefault string) {
		known[path] = true
		row := d.rows[path]
		if row == nil {
			t.Errorf("%s is not documented", path)
			return
		}
		got := cell(row, 1)
		if meaning := cell(row, 2); len(row) != 3 || meaning == "" {
			t.Errorf("%s: want key, default and meaning, got %q", path, row)
		}
		switch {
		case byDefault == "":
			if got != "–" && got != "required" {
				t.Errorf("%s: has no default, documented is %q", path, got)
			}
		case strings.Contains(byDefault, "\n") || len(byDefault) > 250:
			if !strings.Contains(got, "below") || !strings.Contains(oneLine(d.text), oneLine(byDefault)) {
				t.Errorf("%s: the default is not spelled out below: %s", path, byDefault)
			}
		case got != byDefault:
			t.Errorf("%s: the default is %q, documented is %q", path, byDefault, got)
		}
	}
	route, upstream, pol := DefaultRoute(), DefaultUpstream(), DefaultPolicy()
	route.Redirect = &Redirect{Status: DefaultRedirectStatus}
	route.Rewrite = &Rewrite{}
	route.HSTS, route.ClientCertificate = &HSTS{}, &ClientCertificate{Mode: ClientRequire}
	route.Upstreams = []WeightedUpstream{{Weight: DefaultWeight}}
	pol.ID = ""
	documented("listeners[]", reflect.ValueOf(Listener{TLS: &TLS{
		MinVersion: TLS12, SessionTickets: On, ClientCertificate: ClientCertificate{Mode: ClientOff},
	}}), visit)
	sink, file := DefaultEventSink(), DefaultRotatingFile()
	sink.File = &file
	https, syslog, otlp := DefaultHTTPSSink(), DefaultSyslogSink(), DefaultOTLPSink()
	sink.HTTPS, sink.Syslog, sink.OTLP = &https, &syslog, &otlp
	documented("events.sinks[]", reflect.ValueOf(sink), visit)
	documented("records.file", reflect.ValueOf(file), visit)
	documented("routes[]", reflect.ValueOf(route), visit)
	health := DefaultHealthCheck()
	upstream.Health = &health
	upstream.HashBy, upstream.Zone = &HashBy{}, &ZonePreference{Spill: DefaultSpill}
	upstream.Sticky, upstream.Endpoints = &Sticky{SameSite: SameSiteLax}, []Endpoint{{Weight: DefaultWeight}}
	upstream.TLS = &UpstreamTLS{Verify: On, MinVersion: "tls1.2"}
	documented("upstreams[]", reflect.ValueOf(upstream), visit)
	documented("policies[]", reflect.ValueOf(pol), visit)
	access := DefaultAccess()
	access.ID = ""
	access.Rules = []AccessRule{{Mode: Enforce}}
	access.Bots = nil
	access.Limits = []AccessLimit{DefaultLimit()}
	access.Bans = []AccessBan{DefaultBan()}
	tokens, keys, login := DefaultTokens(), DefaultAPIKeys(), DefaultLogin()
	tokens.Issuers = []TokenIssuer{DefaultIssuer()}
	access.Tokens, access.APIKeys, access.Login = &tokens, &keys, &login
	documented("access[]", reflect.ValueOf(access), visit)
	recording := DefaultRecording()
	recording.ID = ""
	documented("records[]", reflect.ValueOf(recording), visit)
	list := DefaultList()
	list.Signature, list.Entries = &ListSignature{}, []ListEntry{{}}
	documented("lists[]", reflect.ValueOf(list), visit)
	documented("geo", reflect.ValueOf(Geo{}), visit)
	documented("when", reflect.ValueOf(AccessWhen{Identity: &Identities{}}), visit)

	for path := range d.rows {
		if (strings.Contains(path, "[]") || strings.HasPrefix(path, "when.") || strings.HasPrefix(path, "geo.")) && !known[path] {
			t.Errorf("%s is documented, but no key", path)
		}
	}
}

// documented visits every key path below a value that is not itself a mapping. Items of
// lists have no defaults but the one that v may hold.
func documented(path string, v reflect.Value, visit func(path, byDefault string)) {
	for _, f := range fieldsOf(v.Type()) {
		at, value := path+"."+f.key, v.Field(f.index)
		if f.typ.Kind() == reflect.Pointer && sharedName(f.typ.Elem()) != "" {
			visit(at, "")
			continue
		}
		if value.Kind() == reflect.Pointer {
			value = value.Elem()
		}
		switch t := value.Type(); {
		case isMapping(t):
			documented(at, value, visit)
		case t.Kind() == reflect.Slice && isMapping(t.Elem()):
			item := reflect.Zero(t.Elem())
			if value.Len() > 0 {
				item = value.Index(0)
			}
			documented(at+"[]", item, visit)
		case t.Kind() == reflect.Slice:
			items := make([]string, value.Len())
			for i := range items {
				items[i] = fmt.Sprint(value.Index(i))
			}
			visit(at, strings.Join(items, ", "))
		case (strings.Count(at, "[]") > 1 || strings.HasPrefix(at, "when.")) && value.IsZero():
			visit(at, "")
		default:
			visit(at, formatValue(value))
		}
	}
}

// oneLine joins words by single spaces and leaves commas out, as lists in code blocks do.
func oneLine(text string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(text, ",", " ")), " ")
}
