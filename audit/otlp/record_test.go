package otlp

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/delivery"
	collector "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	logs "go.opentelemetry.io/proto/otlp/logs/v1"
	"google.golang.org/protobuf/proto"
)

var security = &delivery.Kind{Name: "security", Severity: delivery.Warning}

// decoded are the records that lines become, as others read them.
func decoded(t testing.TB, lines ...string) *logs.ResourceLogs {
	t.Helper()
	c := New(Options{Resource: []Attribute{{"service.name", "wafer"}, {"host.name", "pod-1"}}, Version: "1.2.3"})
	var items []delivery.Line
	for i, l := range lines {
		items = append(items, delivery.Line{Text: []byte(l), At: time.Unix(1700000000, int64(i)), Kind: security})
	}
	var request collector.ExportLogsServiceRequest
	if err := proto.Unmarshal(c.request(nil, items), &request); err != nil {
		t.Fatalf("%q: %v", lines, err)
	}
	if len(request.ResourceLogs) != 1 || len(request.ResourceLogs[0].ScopeLogs) != 1 {
		t.Fatalf("%v", &request)
	}
	return request.ResourceLogs[0]
}

func TestRecords(t *testing.T) {
	got := decoded(t,
		`{"time":"2026-01-02T03:04:05.678Z","event":"security","request_id":"r1","trace_id":"0102030405060708090a0b0c0d0e0f10","span_id":"a1a2a3a4a5a6a7a8","status":403,"duration_ms":1.5,"rules":[{"id":942100,"target":"ARGS:q"},{"id":1}],"score":{"inbound":5},"ok":true,"nothing":null,"message":"security event"}`,
		`{"trace_id":"short","message":7}`)
	if a := got.Resource.Attributes; len(a) != 2 || a[0].Key != "service.name" || a[1].Value.GetStringValue() != "pod-1" {
		t.Errorf("resource %v", a)
	}
	if s := got.ScopeLogs[0].Scope; s.Name != "wafer" || s.Version != "1.2.3" {
		t.Errorf("scope %v", s)
	}
	records := got.ScopeLogs[0].LogRecords
	if len(records) != 2 {
		t.Fatalf("%d records", len(records))
	}
	r := records[0]
	if r.TimeUnixNano != 1700000000e9 || r.ObservedTimeUnixNano != r.TimeUnixNano || r.SeverityNumber != logs.SeverityNumber_SEVERITY_NUMBER_WARN ||
		r.SeverityText != "WARN" || r.EventName != "wafer.security" || r.Body.GetStringValue() != "security event" {
		t.Errorf("%v", r)
	}
	if string(r.TraceId) != "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10" || string(r.SpanId) != "\xa1\xa2\xa3\xa4\xa5\xa6\xa7\xa8" {
		t.Errorf("trace %x, span %x", r.TraceId, r.SpanId)
	}
	want := map[string]any{
		"time": "2026-01-02T03:04:05.678Z", "event": "security", "request_id": "r1", "status": int64(403), "duration_ms": 1.5,
		"rules": []any{map[string]any{"id": int64(942100), "target": "ARGS:q"}, map[string]any{"id": int64(1)}},
		"score": map[string]any{"inbound": int64(5)}, "ok": true, "nothing": nil,
	}
	if have := pairs(r.Attributes); !reflect.DeepEqual(have, want) {
		t.Errorf("%v\nwant %v", have, want)
	}
	if have := pairs(records[1].Attributes); !reflect.DeepEqual(have, map[string]any{"trace_id": "short", "message": int64(7)}) || records[1].TraceId != nil {
		t.Errorf("%v", records[1])
	}
}

func pairs(list []*common.KeyValue) map[string]any {
	m := map[string]any{}
	for _, kv := range list {
		m[kv.Key] = plain(kv.Value)
	}
	return m
}

func plain(v *common.AnyValue) any {
	switch v := v.GetValue().(type) {
	case *common.AnyValue_StringValue:
		return v.StringValue
	case *common.AnyValue_BoolValue:
		return v.BoolValue
	case *common.AnyValue_IntValue:
		return v.IntValue
	case *common.AnyValue_DoubleValue:
		return v.DoubleValue
	case *common.AnyValue_ArrayValue:
		list := []any{}
		for _, e := range v.ArrayValue.Values {
			list = append(list, plain(e))
		}
		return list
	case *common.AnyValue_KvlistValue:
		return pairs(v.KvlistValue.Values)
	}
	return nil
}

// asJSON is what encoding/json reads, in the same types as plain.
func asJSON(v any) any {
	switch v := v.(type) {
	case json.Number:
		if i, err := v.Int64(); err == nil {
			return i
		}
		f, _ := v.Float64()
		return f
	case []any:
		for i := range v {
			v[i] = asJSON(v[i])
		}
		return v
	case map[string]any:
		for k := range v {
			v[k] = asJSON(v[k])
		}
		return v
	}
	return v
}

// FuzzRecord compares what a collector reads in a record with what encoding/json reads in the line.
func FuzzRecord(f *testing.F) {
	for _, line := range []string{
		`{}`, `{"a":"x\"\\\u00e9\ud83d\ude00\n","b":[1,2.5,-3e9,[],{}],"c":{"d":{"e":null}}}`, ` { "a" : [ true , false ] } `,
		`{"n":9223372036854775807,"m":9223372036854775808,"z":-0}`, `{"a":1`, `[]`, `{"a":1,}`, `{"message":"m","trace_id":"x"}`, "{\"a\":\"\xff\"}",
		`{"a":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`, `{"a":"` + strings.Repeat("long", 5000) + `"}`,
	} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		records := decoded(t, line, `{"next":1}`).ScopeLogs[0].LogRecords
		if len(records) != 2 || !reflect.DeepEqual(pairs(records[1].Attributes), map[string]any{"next": int64(1)}) {
			t.Fatalf("the next record is %v", records)
		}
		d := json.NewDecoder(strings.NewReader(line))
		d.UseNumber()
		var want map[string]any
		if d.Decode(&want) != nil || want == nil || d.More() || len(records[0].Attributes) == 0 {
			return // what the tier never writes
		}
		asJSON(want)
		for _, lifted := range []string{"message", "trace_id", "span_id"} {
			if _, ok := want[lifted].(string); ok {
				return
			}
		}
		if have := pairs(records[0].Attributes); !same(have, want) {
			t.Errorf("%q: %v, want %v", line, have, want)
		}
	})
}

// same compares values, where numbers that are none are the same.
func same(a, b any) bool {
	if x, ok := a.(float64); ok && math.IsInf(x, 0) {
		return true // out of the range of numbers
	}
	return reflect.DeepEqual(a, b)
}

func BenchmarkRequest(b *testing.B) {
	line := delivery.Line{At: time.Unix(1700000000, 0), Kind: security, Text: []byte(`{"time":"2026-01-02T03:04:05.678Z","level":"info","event":"access","request_id":"0197b0c8-7d7e-7bbb-8f3a-0123456789ab","route":"shop","policy":"default","mode":"block","client":"192.0.2.7","method":"GET","host":"shop.example","path":"/a/b/c","protocol":"HTTP/1.1","status":200,"bytes_in":0,"bytes_out":5123,"duration_ms":3.205,"upstream":"shop","endpoint":"10.0.0.1:8080","upstream_ms":2.9,"verdict":"pass","coverage":"full","user_agent":"Mozilla/5.0 (X11; Linux x86_64)","message":"request"}`)}
	c := New(Options{})
	lines := []delivery.Line{line}
	var to []byte
	b.ReportAllocs()
	for b.Loop() {
		to = c.request(to[:0], lines)
	}
}
