package audit

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"
)

var writeGolden = flag.Bool("golden", false, "write testdata/*.json anew")

func fullBan() *Ban {
	return &Ban{
		Time: testTime, RequestID: "0f8fad5b", Action: "begun", Who: "192.0.2.1", Scope: "host", Where: "shop.example", Rule: "scanners",
		Reason: "10 blocks in 1m0s", Times: 2, Lasts: time.Hour, Until: testTime.Add(time.Hour),
	}
}

// formatted are events in a format, one of each kind.
func formatted(t *testing.T, f Format) (events []map[string]any, text []byte) {
	t.Helper()
	var out bytes.Buffer
	l := New(&out, Options{Format: f, Version: "1.2.3", Instance: "wafer-0"})
	access, security := fullAccess(), fullSecurity()
	access.TLS = Secured{Version: "1.3", ServerName: "shop.example", Client: "spiffe://a/b", SHA256: "ab12"}
	access.TraceID, access.SpanID = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	access.AccessRule, access.AccessWould, access.GRPCStatus = "team", "limit-1", "0"
	security.TLS, security.TraceID, security.SpanID = access.TLS, access.TraceID, access.SpanID
	l.Access(access)
	l.Access(&Access{Time: testTime, RequestID: "1", Verdict: "refused", Status: 400, Error: "malformed", Failed: true, Client: netip.MustParseAddr("192.0.2.9")})
	l.Security(security)
	l.Ban(fullBan())
	var shown bytes.Buffer
	for line := range bytes.Lines(out.Bytes()) {
		events = append(events, decode(t, line))
		if err := json.Indent(&shown, line, "", "  "); err != nil {
			t.Fatal(err)
		}
	}
	return events, shown.Bytes()
}

// TestFormats compares events in the words of others with what is kept in testdata, where people can read it.
func TestFormats(t *testing.T) {
	for name, f := range map[string]Format{"ocsf": OCSF, "ecs": ECS} {
		_, got := formatted(t, f)
		file := filepath.Join("testdata", name+".json")
		if *writeGolden {
			if err := os.WriteFile(file, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if want, err := os.ReadFile(file); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: events are not those of testdata: look at what go test ./audit -golden changes (%v)\n%s", name, err, got)
		}
	}
}

// TestOCSFRequired wants what classes and objects of OCSF 1.4 require, and numbers that fit together.
func TestOCSFRequired(t *testing.T) {
	events, _ := formatted(t, OCSF)
	for i, e := range events {
		has := func(of map[string]any, where string, names ...string) {
			t.Helper()
			for _, name := range names {
				if of[name] == nil {
					t.Errorf("event %d: %s has no %s", i, where, name)
				}
			}
		}
		object := func(of map[string]any, name string) map[string]any {
			o, _ := of[name].(map[string]any)
			return o
		}
		has(e, "the event", "time", "category_uid", "class_uid", "activity_id", "type_uid", "severity_id", "metadata", "action_id", "disposition_id", "status_id")
		has(object(e, "metadata"), "metadata", "version", "product")
		has(object(object(e, "metadata"), "product"), "product", "vendor_name", "name")
		if e["type_uid"] != e["class_uid"].(float64)*100+e["activity_id"].(float64) {
			t.Errorf("event %d: type_uid %v is not class_uid %v and activity_id %v", i, e["type_uid"], e["class_uid"], e["activity_id"])
		}
		switch e["class_uid"] {
		case 4002.0:
			has(e, "HTTP Activity", "http_request", "http_response", "src_endpoint")
			has(object(e, "http_request"), "http_request", "url")
			has(object(e, "http_response"), "http_response", "code")
		case 2004.0:
			has(e, "Detection Finding", "finding_info")
			has(object(e, "finding_info"), "finding_info", "uid", "title")
			has(object(object(e, "finding_info"), "analytic"), "analytic", "type_id", "uid")
		default:
			t.Errorf("event %d: class %v", i, e["class_uid"])
		}
	}
}

// TestECSFields wants the fields of every document, and words of ECS's closed sets.
func TestECSFields(t *testing.T) {
	kinds := []string{"alert", "event"}
	categories := []string{"web", "network", "intrusion_detection"}
	types := []string{"access", "allowed", "denied", "info"}
	events, _ := formatted(t, ECS)
	for i, e := range events {
		event := e["event"].(map[string]any)
		if e["@timestamp"] == nil || e["ecs"].(map[string]any)["version"] != ecsVersion || !slices.Contains(kinds, event["kind"].(string)) {
			t.Errorf("event %d has no time, version or kind: %v", i, e)
		}
		for key, allowed := range map[string][]string{"category": categories, "type": types} {
			for _, word := range event[key].([]any) {
				if !slices.Contains(allowed, word.(string)) {
					t.Errorf("event %d: event.%s is %q", i, key, word)
				}
			}
		}
	}
}

// TestFormatsSayAll wants each value of a native event to be in the other formats, too.
func TestFormatsSayAll(t *testing.T) {
	native, _ := formatted(t, Native)
	for _, f := range []Format{OCSF, ECS} {
		events, _ := formatted(t, f)
		for i := range native {
			there := map[string]bool{}
			values(events[i], func(_, v string) { there[v] = true })
			values(native[i], func(name, v string) {
				switch name {
				case "time", "level", "duration_ms", "protocol", "severity", "message", "until":
					return // said in other words
				}
				if v != "" && !there[v] {
					t.Errorf("format %d, event %d does not say %s: %s", f, i, name, v)
				}
			})
		}
	}
}

// TestAgain reads native events and writes the same ones, whatever the format.
func TestAgain(t *testing.T) {
	for _, f := range []Format{Native, OCSF, ECS} {
		var native, want, got bytes.Buffer
		for out, format := range map[*bytes.Buffer]Format{&native: Native, &want: f} {
			l := New(out, Options{Format: format})
			l.Access(fullAccess())
			l.Security(fullSecurity())
			l.Ban(fullBan())
		}
		l := New(&got, Options{Format: f})
		for line := range bytes.Lines(native.Bytes()) {
			if !l.Again(line) {
				t.Errorf("not read: %s", line)
			}
		}
		if f == OCSF || f == ECS { // finer than milliseconds
			finer := regexp.MustCompile(`"duration":\d+`)
			want.Write(finer.ReplaceAll(want.Next(want.Len()), nil))
			got.Write(finer.ReplaceAll(got.Next(got.Len()), nil))
		}
		if got.String() != want.String() {
			t.Errorf("\n got %s\nwant %s", got.String(), want.String())
		}
	}
	l := New(io.Discard, Options{})
	for _, line := range []string{"", "text", "{}", `{"event":"other"}`, `{"event":"access","status":"x"}`, `[1]`} {
		if l.Again([]byte(line)) {
			t.Errorf("%q was read", line)
		}
	}
}

func values(v any, visit func(name, value string)) {
	var walk func(name string, v any)
	walk = func(name string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for key, one := range v {
				walk(key, one)
			}
		case []any:
			for _, one := range v {
				walk(name, one)
			}
		default:
			visit(name, fmt.Sprint(v))
		}
	}
	walk("", v)
}

func BenchmarkFormats(b *testing.B) {
	for name, f := range map[string]Format{"ocsf": OCSF, "ecs": ECS} {
		b.Run(name, func(b *testing.B) {
			l := New(io.Discard, Options{Format: f})
			a := fullAccess()
			b.ReportAllocs()
			for b.Loop() {
				l.Access(a)
			}
		})
	}
}
