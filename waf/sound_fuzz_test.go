package waf

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/test/corpus"
)

// fuzzPolicies are what FuzzSound picks from, by number.
var fuzzPolicies = []func(p *Policy){
	func(p *Policy) { paranoid(p, 1) },
	func(p *Policy) { paranoid(p, 2) },
	func(p *Policy) { paranoid(p, 3) },
	func(p *Policy) { paranoid(p, 4); p.Mode = ModeDetect },
	func(p *Policy) { // what small sites change
		paranoid(p, 1)
		p.Mode, p.EarlyBlocking, p.DetectionParanoia = ModeDetect, true, 2
		p.ResponseBodyBytes = 200
		p.CRS.MaxNumArgs, p.CRS.ArgNameLength, p.CRS.RestrictedExtensions = 9, 20, []string{".bak", ".conf"}
		p.Exclusions = []Exclusion{
			{Source: "all", RuleIDs: "942100-942199"}, {Source: "target", RuleIDs: "941100-941399", Target: "ARGS:comment"},
			{Source: "path", Tag: "attack-rce", Path: "/api"}, {Source: "path target", RuleIDs: "920100-920499", Target: "REQUEST_HEADERS:User-Agent", Path: "/api"},
		}
	},
}

func paranoid(p *Policy, level int) {
	p.BlockingParanoia, p.DetectionParanoia = level, level
	p.ResponseBody, p.ResponseMIMETypes = true, []string{"text/html", "text/plain", "application/json"}
}

// FuzzSound compares the screen with Coraza on any request and response, and on what becomes
// of them when pieces of attacks, encodings and noise are mixed in, as seed says (0: nothing).
func FuzzSound(f *testing.F) {
	m, err := newMixer()
	if err != nil {
		f.Fatal(err)
	}
	var engines []*Engine
	for i, change := range fuzzPolicies {
		engines = append(engines, mustEngine(f, func(p *Policy) { *p = benchPolicy(fmt.Sprint("fuzz", i)) }, change))
	}
	for i := range m.ordinary {
		f.Add(uint8(i), uint64(i), m.ordinary[i].Bytes(), []byte("200 text/html\n<p>hello</p>"))
	}
	every := 9
	if testing.Short() { // TestSoundOnAttacks has all of them
		every = 90
	}
	for i := range m.attacks {
		if i%every == 0 {
			f.Add(uint8(i), uint64(i), m.attacks[i].Bytes(), []byte("500 text/plain\nORA-01756: quoted string not properly terminated"))
		}
	}
	f.Fuzz(func(t *testing.T, policy uint8, seed uint64, request, response []byte) {
		if len(request) > 16<<10 || len(response) > 8<<10 {
			return
		}
		e := engines[int(policy)%len(engines)]
		msg := parseMessage(request, response)
		if seed != 0 {
			m.mix(rand.New(rand.NewPCG(seed, 1)), msg)
		}
		soundness(t, e, msg)
		if t.Failed() {
			t.Logf("policy %d, request %+v\nbody %q\nresponse %+v\nanswer %q", int(policy)%len(engines), *msg.request, msg.body, *msg.response, msg.answer)
		}
	})
}

// TestSoundOnMixtures is FuzzSound for a number of mixtures that are the same in every run.
func TestSoundOnMixtures(t *testing.T) {
	m, err := newMixer()
	if err != nil {
		t.Fatal(err)
	}
	rounds := 300
	if testing.Short() {
		rounds = 60
	}
	for i := range fuzzPolicies {
		t.Run(fmt.Sprint("policy ", i), func(t *testing.T) {
			t.Parallel()
			soundOnMixtures(t, m, i, rounds)
		})
	}
}

// soundOnMixtures is TestSoundOnMixtures for one policy.
func soundOnMixtures(t *testing.T, m *mixer, policy, rounds int) {
	t.Helper()
	e := mustEngine(t, func(p *Policy) { *p = benchPolicy(fmt.Sprint("mixtures", policy)) }, fuzzPolicies[policy])
	r := rand.New(rand.NewPCG(17, uint64(policy)))
	clean := [6]int{}
	for range rounds {
		base := pick(r, m.ordinary)
		if len(base.Body) > 8<<10 {
			continue
		}
		if r.IntN(4) == 0 {
			base = pick(r, m.attacks)
		}
		msg := fromCorpus(&base)
		m.mix(r, msg)
		n, _ := soundness(t, e, msg)
		clean[n]++
		if t.Failed() {
			t.Fatalf("policy %d, request %+v\nbody %q\nresponse %+v\nanswer %q", policy, *msg.request, msg.body, *msg.response, msg.answer)
		}
	}
	t.Logf("policy %d: clean up to phase 0 to 5: %v", policy, clean)
	if clean[0] == 0 || clean[5] == 0 && !testing.Short() { // a few at paranoia level 4 may all have something
		t.Errorf("all or none of the mixtures are clean")
	}
}

// parseMessage reads a request as it goes over the wire, without minding what is wrong with
// it, and a response: a status, a media type, further fields in lines, a body.
func parseMessage(request, response []byte) *message {
	head, body, _ := bytes.Cut(request, []byte("\r\n\r\n"))
	lines := strings.Split(string(head), "\r\n")
	words := append(strings.SplitN(lines[0], " ", 3), "", "", "")
	m := &message{request: &Request{
		Method: words[0], Target: words[1], Protocol: words[2], Host: corpus.Host,
		ClientAddr: "192.0.2.7", ClientPort: 40000, ServerAddr: "192.0.2.1", ServerPort: 8080,
	}, body: body}
	for _, l := range lines[1:] {
		name, value, _ := strings.Cut(l, ":")
		m.request.Headers = append(m.request.Headers, Header{Name: name, Value: strings.TrimSpace(value)})
	}
	line, answer, _ := bytes.Cut(response, []byte("\n"))
	status, mediaType, _ := strings.Cut(string(line), " ")
	m.response = &Response{Protocol: "HTTP/1.1", Headers: []Header{{Name: "Content-Type", Value: mediaType}}}
	_, _ = fmt.Sscan(status, &m.response.Status)
	for {
		field, rest, found := bytes.Cut(answer, []byte("\r\n"))
		name, value, isField := strings.Cut(string(field), ": ")
		if !found || !isField {
			break
		}
		m.response.Headers = append(m.response.Headers, Header{Name: name, Value: value})
		answer = rest
	}
	m.answer = answer
	return m
}

// mixer makes requests that look like attacks, and like requests that are none.
type mixer struct {
	attacks, ordinary []corpus.Request
	pieces            []string // of attacks
}

func newMixer() (*mixer, error) {
	m := &mixer{}
	var err error
	if m.attacks, err = corpus.Attacks(); err != nil {
		return nil, err
	}
	for _, kind := range corpus.Kinds() {
		more, err := corpus.Ordinary(kind, 4)
		if err != nil {
			return nil, err
		}
		m.ordinary = append(m.ordinary, more...)
	}
	seen := map[string]bool{}
	add := func(s string) {
		if len(s) > 1 && len(s) < 400 && !seen[s] {
			seen[s] = true
			m.pieces = append(m.pieces, s)
		}
	}
	for i := range m.attacks {
		a := &m.attacks[i]
		_, query, _ := strings.Cut(a.Target, "?")
		for _, text := range []string{a.Target, query, string(a.Body)} {
			add(text)
			for pair := range strings.SplitSeq(text, "&") {
				_, value, _ := strings.Cut(pair, "=")
				add(value)
				add(percentDecode(value))
			}
		}
		for _, f := range a.Header {
			add(f.Value)
		}
	}
	return m, nil
}

func percentDecode(s string) string {
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		var b byte
		if s[i] == '%' && i+2 < len(s) {
			if n, err := fmt.Sscanf(s[i+1:i+3], "%02x", &b); n == 1 && err == nil {
				out.WriteByte(b)
				i += 2
				continue
			}
		}
		out.WriteByte(s[i])
	}
	return out.String()
}

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

// mix changes a message at one to four places.
func (m *mixer) mix(r *rand.Rand, msg *message) {
	// The message is another's memory.
	req, res := *msg.request, *msg.response
	req.Headers, res.Headers = append([]Header(nil), req.Headers...), append([]Header(nil), res.Headers...)
	msg.request, msg.response = &req, &res
	if r.IntN(2) == 0 { // few fields, since each may be what a high paranoia level minds
		req.Headers = slices.DeleteFunc(req.Headers, func(h Header) bool {
			return !slices.Contains([]string{"host", "user-agent", "accept", "content-type", "content-length"}, strings.ToLower(h.Name))
		})
	}
	for range 1 + r.IntN(4) {
		switch r.IntN(12) {
		case 0, 1, 2:
			msg.request.Target = m.query(r, req.Target)
		case 3:
			path, query, found := strings.Cut(req.Target, "?")
			req.Target = m.splice(r, path)
			if found {
				req.Target += "?" + query
			}
		case 4, 5, 6, 7:
			msg.body = m.body(r, &req, msg.body)
		case 8:
			if len(req.Headers) > 0 {
				h := &req.Headers[r.IntN(len(req.Headers))]
				h.Value = m.splice(r, h.Value)
			}
		case 9:
			name := pick(r, []string{"Cookie", "X-Forwarded-For", "Referer", "User-Agent", "Accept", "Range", "Content-Type", "X-File-Name", "X-Up-Devcap-Post-Charset", "Accept-Charset", "Content-Encoding", "x"})
			req.Headers = append(req.Headers, Header{Name: name, Value: m.piece(r)})
		case 10:
			req.Method = pick(r, []string{"GET", "POST", "PUT", "HEAD", "get", "POST", "TRACE", "x"})
		case 11:
			if r.IntN(2) == 0 {
				msg.answer = []byte(m.splice(r, string(msg.answer)))
			} else {
				res.Status = pick(r, []int{200, 301, 404, 500, 503})
				res.Headers = append(res.Headers, Header{
					Name:  pick(r, []string{"Set-Cookie", "Server", "Content-Type", "Location", "X-Powered-By"}),
					Value: m.piece(r),
				})
			}
		}
	}
}

// piece is a piece of an attack, or of what makes parsers stumble, maybe encoded or damaged.
func (m *mixer) piece(r *rand.Rand) string {
	s := pick(r, m.pieces)
	switch r.IntN(5) {
	case 0:
		s = pick(r, []string{"", " ", "%", "%00", "\x00", "&", "=", ";", "'", "\"", "/*", "*/", "--", "\\", "../", "%u0041", "&#x41;", "\u00a0", "\u212a", "\u017f", "\xff", "<", ">", "|", "`", "$(", "{{", "\t", "\r\n", "0x41", "%25", "+"})
	case 1: // a part of it
		from := r.IntN(len(s))
		s = s[from : from+r.IntN(len(s)-from+1)]
	}
	for r.IntN(3) == 0 {
		s = encode(r, s)
	}
	return s
}

// encode writes some or all letters of s in another way.
func encode(r *rand.Rand, s string) string {
	how, share := r.IntN(12), pick(r, []float64{0.05, 0.3, 1})
	var out strings.Builder
	for _, b := range []byte(s) {
		if r.Float64() >= share {
			out.WriteByte(b)
			continue
		}
		switch how {
		case 0:
			fmt.Fprintf(&out, "%%%02x", b)
		case 1:
			fmt.Fprintf(&out, "%%25%02X", b)
		case 2:
			fmt.Fprintf(&out, "%%u%04x", pick(r, []int{int(b), 0xff00 + int(b) - 0x20}))
		case 3:
			fmt.Fprintf(&out, "&#%d;", b)
		case 4:
			fmt.Fprintf(&out, "&#x%x", b)
		case 5:
			fmt.Fprintf(&out, "\\x%02x", b)
		case 6:
			fmt.Fprintf(&out, "\\u%04x", b)
		case 7:
			out.WriteString("\\" + string([]byte{b}))
		case 8:
			out.WriteString(string([]byte{b}) + pick(r, []string{"/**/", "\x00", " ", "\t", "^", "\"", "''", "\\"}))
		case 9:
			out.WriteString(strings.ToUpper(string([]byte{b})))
		case 10:
			out.WriteString(string([]byte{b ^ 0x20}))
		case 11: // letters that become ASCII by folding or best fit
			switch b | 0x20 {
			case 'k':
				out.WriteString("\u212a")
			case 's':
				out.WriteString("\u017f")
			case 'i':
				out.WriteString("\u0130")
			default:
				out.WriteRune(0xff00 + rune(b) - 0x20)
			}
		}
	}
	return out.String()
}

// splice puts a piece into s, or instead of some of it, or noise, or takes some away.
func (m *mixer) splice(r *rand.Rand, s string) string {
	at := r.IntN(len(s) + 1)
	end := min(len(s), at+r.IntN(8))
	switch r.IntN(5) {
	case 0:
		return s[:at] + s[end:]
	case 1:
		return s[:at] + encode(r, s[at:end]) + s[end:]
	case 2:
		return s[:at] + m.piece(r) + s[end:]
	case 3:
		return m.piece(r)
	}
	return s[:at] + m.piece(r) + s[at:]
}

func (m *mixer) query(r *rand.Rand, target string) string {
	path, query, _ := strings.Cut(target, "?")
	return path + "?" + m.form(r, query)
}

func (m *mixer) form(r *rand.Rand, form string) string {
	pairs := strings.Split(form, "&")
	i := r.IntN(len(pairs))
	name, value, _ := strings.Cut(pairs[i], "=")
	piece := m.piece(r)
	if r.IntN(3) > 0 {
		piece = escapeQuery(piece)
	}
	switch r.IntN(5) {
	case 0:
		pairs[i] = name + piece + "=" + value
	case 1:
		pairs[i] = name + "=" + value + piece
	case 2:
		pairs[i] = name + "=" + piece
	case 3:
		pairs = append(pairs, pick(r, []string{"comment", "q", "id", "a", "json.a", "$x", "file[]"})+"="+piece)
	case 4:
		return m.splice(r, form)
	}
	return strings.Join(pairs, "&")
}

func escapeQuery(s string) string {
	var out strings.Builder
	for _, b := range []byte(s) {
		switch {
		case b == ' ':
			out.WriteByte('+')
		case b <= ' ' || b >= 0x7f || strings.IndexByte("%&=+#", b) >= 0:
			fmt.Fprintf(&out, "%%%02x", b)
		default:
			out.WriteByte(b)
		}
	}
	return out.String()
}

// body changes a body, or makes one of some type.
func (m *mixer) body(r *rand.Rand, req *Request, body []byte) []byte {
	mediaType := ""
	for i := range req.Headers {
		if strings.EqualFold(req.Headers[i].Name, "Content-Type") {
			mediaType = strings.ToLower(req.Headers[i].Value)
		}
	}
	if len(body) == 0 || r.IntN(5) == 0 {
		piece := m.piece(r)
		mediaType, body = m.made(r, piece)
		req.Method = "POST"
		req.Headers = slices.DeleteFunc(req.Headers, func(h Header) bool {
			return strings.EqualFold(h.Name, "Content-Type") || strings.EqualFold(h.Name, "Content-Length")
		})
		req.Headers = append(req.Headers, Header{Name: "Content-Type", Value: mediaType}, Header{Name: "Content-Length", Value: fmt.Sprint(len(body))})
		return body
	}
	if strings.Contains(mediaType, "urlencoded") {
		return []byte(m.form(r, string(body)))
	}
	if i := bytes.LastIndexByte(body, '"'); i > 0 && r.IntN(2) == 0 { // into the last text of JSON, or the last part's name
		return []byte(string(body[:i]) + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(m.piece(r)) + string(body[i:]))
	}
	return []byte(m.splice(r, string(body)))
}

func (m *mixer) made(r *rand.Rand, piece string) (mediaType string, body []byte) {
	switch r.IntN(5) {
	case 0:
		return "application/json", fmt.Appendf(nil, `{"name":%q,"list":[1,null,{"%s":true}]}`, piece, pick(r, []string{"a", "b.c", "", "comment"}))
	case 1:
		return "multipart/form-data; boundary=xyz", []byte("--xyz\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n" + piece + "\r\n--xyz\r\nContent-Disposition: form-data; name=\"f\"; filename=\"" + pick(r, []string{"a.txt", "a.php", piece}) + "\"\r\nContent-Type: text/plain\r\n\r\nhello\r\n--xyz--\r\n")
	case 2:
		return "text/xml", []byte("<?xml version=\"1.0\"?><a b=\"c\"><d>" + strings.NewReplacer("<", "&lt;", "&", "&amp;").Replace(piece) + "</d></a>")
	case 3:
		return "text/plain", []byte(piece)
	}
	return "application/x-www-form-urlencoded", []byte("a=" + escapeQuery(piece) + "&b=1")
}
