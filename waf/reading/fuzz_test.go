package reading

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// seeds are the messages of testdata that a body processor's fuzz target starts from.
func seeds(f *testing.F, each func(m *sample)) {
	for _, folder := range []string{"ordinary", "odd"} {
		all := messages(f, folder)
		for _, name := range slices.Sorted(maps.Keys(all)) {
			if len(all[name].body) < 4<<10 && len(all[name].Target) < 4<<10 {
				each(all[name])
			}
		}
	}
}

// FuzzHead holds heads to their floor, whatever they are: header lines are separated by line feeds.
func FuzzHead(f *testing.F) {
	seeds(f, func(m *sample) {
		var b strings.Builder
		for _, h := range m.Headers {
			b.WriteString(h.Name + ":" + h.Value + "\n")
		}
		f.Add(m.Method, m.Target, m.Protocol, m.Host, b.String())
	})
	v := new(Values)
	f.Fuzz(func(t *testing.T, method, target, protocol, host, headers string) {
		m := &sample{Request: Request{
			Method: method, Target: target, Protocol: protocol, Host: host, ID: "id",
			ClientAddr: "192.0.2.7", ClientPort: 50123, ServerAddr: "198.51.100.1", ServerPort: 443,
		}}
		m.response = &Response{Status: len(target), Protocol: protocol}
		for line := range strings.Lines(headers) {
			name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
			m.Headers = append(m.Headers, Header{Name: name, Value: value})
			m.response.Headers = append(m.response.Headers, Header{Name: name, Value: value})
		}
		m.answer = []byte(headers)
		check(t, v, m)
	})
}

// fuzzBody holds bodies of one media type to their floor.
func fuzzBody(f *testing.F, mediaType string, processors ...string) {
	v := new(Values)
	seeds(f, func(m *sample) {
		if slices.Contains(processors, ask(f, m).processor) {
			f.Add(m.body)
		}
	})
	f.Fuzz(func(t *testing.T, body []byte) {
		m := &sample{body: body}
		m.Method, m.Target, m.Protocol, m.ID = "POST", "/?a=1&b=2", "HTTP/1.1", "id"
		m.Headers = []Header{{Name: "Content-Type", Value: mediaType}}
		check(t, v, m)
	})
}

func FuzzURLEncoded(f *testing.F) {
	fuzzBody(f, "application/x-www-form-urlencoded", "URLENCODED", "RAW")
}

func FuzzJSON(f *testing.F) { fuzzBody(f, "application/json", "JSON") }

func FuzzMultipart(f *testing.F) {
	v := new(Values)
	seeds(f, func(m *sample) {
		if ask(f, m).processor == "MULTIPART" {
			f.Add(m.header("Content-Type"), m.body)
		}
	})
	f.Fuzz(func(t *testing.T, mediaType string, body []byte) {
		m := &sample{body: body}
		m.Method, m.Target, m.Protocol, m.ID = "POST", "/", "HTTP/1.1", "id"
		m.Headers = []Header{{Name: "Content-Type", Value: mediaType}}
		check(t, v, m)
	})
}

func FuzzXML(f *testing.F) { fuzzBody(f, "application/xml", "XML") }
