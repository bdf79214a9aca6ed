package record

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// plainMasker masks one word, and of what is cut the last four bytes.
type plainMasker struct{}

func (plainMasker) mask(s string) string                     { return strings.ReplaceAll(s, "secret", "[masked]") }
func (m plainMasker) URL(s string) string                    { return m.mask(s) }
func (m plainMasker) Header(_, value string) string          { return m.mask(value) }
func (m plainMasker) Value(_, value string) string           { return m.mask(value) }
func (m plainMasker) Found(_, value, _ string) string        { return m.mask(value) }
func (m plainMasker) Message(_, _, _, message string) string { return m.mask(message) }
func (m plainMasker) Body(_ string, b []byte, cut bool) []byte {
	if cut {
		b = b[:max(len(b)-4, 0)]
	}
	return []byte(m.mask(string(b)))
}

// outcome is what becomes of records.
type outcome struct {
	mu    sync.Mutex
	lines [][]byte
	lost  map[Loss]int
}

func (o *outcome) out(line []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lines = append(o.lines, bytes.Clone(line))
}

func (o *outcome) gone(why Loss) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.lost == nil {
		o.lost = map[Loss]int{}
	}
	o.lost[why]++
}

func recorder(o *outcome, memory int64) *Recorder {
	return New(Options{Account: NewAccount(memory), Masker: plainMasker{}, Out: o.out, Lost: o.gone})
}

// made is what is made of a record.
func made(t *testing.T, r *Record, terms *Terms) *Record {
	t.Helper()
	var o outcome
	by := recorder(&o, 1<<30)
	if !by.Offer(100, terms) {
		t.Fatal("no room")
	}
	by.Give(r, terms, 100)
	if err := by.Close(time.Minute); err != nil || by.Account().Used() != 0 || len(o.lines) != 1 {
		t.Fatalf("%v, %d bytes, %d lines", err, by.Account().Used(), len(o.lines))
	}
	got, err := NewReader(bytes.NewReader(o.lines[0])).Next()
	if err != nil {
		t.Fatal(err)
	}
	return got
}

var everything = PartsOf(PartWords())

func terms() *Terms {
	return &Terms{ID: "a", Parts: everything, RequestBody: 100, ResponseBody: 100, Record: 10_000}
}

func zipped(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = io.WriteString(z, text)
	_ = z.Close()
	return b.String()
}

func TestBodies(t *testing.T) {
	form := "application/x-www-form-urlencoded"
	for name, tt := range map[string]struct {
		fields []Field
		body   Body
		want   string // bytes, and what is said of them
	}{
		"plain":              {nil, Body{Bytes: []byte("hello"), Size: 5}, "hello"},
		"a secret":           {nil, Body{Bytes: []byte("a secret"), Size: 8}, "a [masked] masked"},
		"long":               {nil, Body{Bytes: bytes.Repeat([]byte("x"), 104), Size: 104}, strings.Repeat("x", 100) + " limit"},
		"captured in part":   {nil, Body{Bytes: bytes.Repeat([]byte("x"), 1124), Cut: CutLimit, Size: 9999}, strings.Repeat("x", 100) + " limit"},
		"broken off":         {nil, Body{Bytes: []byte("hello there"), Unended: true, Size: 11}, "hello t tail unended"},
		"a long pair":        {[]Field{{"Content-Type", form + "; charset=utf-8"}}, Body{Bytes: []byte("a=secret&b=" + strings.Repeat("y", 1100)), Cut: CutLimit}, "a=[masked]&b=" + strings.Repeat("y", 87) + " limit masked"},
		"no text":            {nil, Body{Bytes: []byte("\x00\x01\x02\x03\xff\xfe"), Size: 6}, " unreadable"},
		"some bytes":         {nil, Body{Bytes: []byte("q=1\xff and much more text"), Size: 24}, "q=1\xff and much more text"},
		"gzip":               {[]Field{{"Content-Encoding", "gzip"}}, Body{Bytes: []byte(zipped("a secret")), Size: 30}, "a [masked] masked gzip"},
		"half a gzip":        {[]Field{{"Content-Encoding", "gzip"}}, Body{Bytes: []byte(zipped("0123456789abcdefghijklmnopq"))[:30], Cut: CutLimit}, "0123456789abcde limit gzip"},
		"a bomb":             {[]Field{{"Content-Encoding", "gzip"}}, Body{Bytes: []byte(zipped(strings.Repeat("a", 1<<20))), Size: 1000}, strings.Repeat("a", 100) + " limit gzip"},
		"no gzip":            {[]Field{{"Content-Encoding", "gzip"}}, Body{Bytes: []byte("hello"), Size: 5}, " encoding"},
		"an unknown coding":  {[]Field{{"Content-Encoding", "rot13"}}, Body{Bytes: []byte("hello"), Size: 5}, " encoding"},
		"compressed message": {[]Field{{"Content-Type", "application/grpc"}}, Body{Bytes: []byte("\x01\x00\x00\x00\x05hello"), Size: 10}, " encoding"},
		"message":            {[]Field{{"Content-Type", "application/grpc+proto"}}, Body{Bytes: []byte("\x00\x00\x00\x00\x28" + strings.Repeat("text", 10)), Size: 45}, "\x00\x00\x00\x00\x28" + strings.Repeat("text", 10)},
		"messages in Base64": {[]Field{{"Content-Type", "application/grpc-web-text"}}, Body{Bytes: []byte("AAAAAAU="), Size: 8}, " unreadable"},
		"MessagePack":        {[]Field{{"Content-Type", "application/vnd.msgpack"}}, Body{Bytes: []byte("\x81\xa8password\xafhunter2hunter2hu"), Size: 26}, " unreadable"},
		"late":               {nil, Body{Cut: CutLate, Size: 5}, " late"},
		"none":               {nil, Body{Size: 0}, ""},
	} {
		got := made(t, &Record{Request: &Request{Headers: tt.fields, Body: &tt.body}}, terms()).Request.Body
		said := string(got.Bytes)
		for _, word := range []string{string(got.Cut), string(got.LeftOut)} {
			if word != "" {
				said += " " + word
			}
		}
		if got.Masked {
			said += " masked"
		}
		if got.Unended {
			said += " unended"
		}
		if got.Decoded != "" {
			said += " " + got.Decoded
		}
		if said != tt.want {
			t.Errorf("%s: %q, want %q", name, said, tt.want)
		}
	}
}

func TestHeads(t *testing.T) {
	short := terms()
	short.Record = 40
	r := made(t, &Record{Request: &Request{
		Target: "/a/b?x=1&y=22222222222222222222222222222222", Headers: []Field{{"A", "secret"}, {"B", strings.Repeat("b", 30)}, {"C", "d"}},
		Body: &Body{Bytes: []byte("0123456789012345"), Size: 16},
	}}, short)
	q := r.Request
	if q.Target != "/a/b?x=1" || q.TargetCut != 35 || q.HeadersLeftOut != 1 || len(q.Headers) != 2 || q.Headers[0].Value != "[masked]" || q.MaskedHeaders[0] != "A" {
		t.Errorf("%+v", q)
	}
	if b := q.Body; b.Cut != "" || len(b.Bytes) != 16 {
		t.Errorf("%+v", b)
	}
	r = made(t, &Record{Request: &Request{Host: "secret.test"}, Response: &Response{Status: 200, Reason: "secret"}}, terms())
	if r.Request.Host != "[masked].test" || r.Response.Reason != "[masked]" {
		t.Errorf("%+v %+v", r.Request, r.Response)
	}
}

func TestParts(t *testing.T) {
	whole := func() *Record {
		r := full()
		r.Request.Body = &Body{Bytes: []byte("hello"), Size: 5}
		return r
	}
	says := func(r *Record) string {
		var parts []string
		for name, is := range map[string]bool{
			"B": len(r.Request.Headers) > 0, "C": r.Request.Body != nil, "F": len(r.Response.Headers) > 0, "E": r.Response.Body != nil, "H": r.Score != nil, "K": r.Rules != nil,
		} {
			if is {
				parts = append(parts, name)
			}
		}
		return r.Parts + " has " + strings.Join(sorted(parts), "")
	}
	for words, want := range map[string]string{
		"":                                   "AZ has ",
		"request_headers rules":              "ABKZ has BK",
		"request_body response_body":         "ACEZ has CE",
		"B C F E H K":                        "ABCEFHKZ has BCEFHK",
		"request_body_without_files files I": "AIJZ has C",
	} {
		some := terms()
		some.Parts = PartsOf(strings.Fields(words))
		if got := says(made(t, whole(), some)); got != want {
			t.Errorf("%s: %s, want %s", words, got, want)
		}
	}
}

func sorted(list []string) []string {
	for i := range list {
		for k := range list[:i] {
			if list[k] > list[i] {
				list[k], list[i] = list[i], list[k]
			}
		}
	}
	return list
}

func TestFiles(t *testing.T) {
	const body = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nvalue\r\n" +
		"--b\r\nContent-Disposition: form-data; name=\"f\";\r\n filename=\"x.png\"\r\nContent-Type: image/secret\r\n\r\n\x00\x01\x02\x03\x04\x05\r\n--b--\r\n"
	some := terms()
	some.RequestBody = 1000
	some.Parts = PartsOf([]string{"B", "I", "J"})
	q := made(t, &Record{Request: &Request{Headers: []Field{{"Content-Type", "multipart/form-data; boundary=b"}}, Body: &Body{Bytes: []byte(body), Size: int64(len(body))}}}, some).Request
	if len(q.Files) != 1 || q.Files[0] != (File{"f", "x.png", "image/[masked]", 6}) {
		t.Errorf("%+v", q.Files)
	}
	if got := string(q.Body.Bytes); !strings.Contains(got, "value") || strings.Contains(got, "\x01") || !strings.HasSuffix(got, "\r\n\r\n\r\n--b--\r\n") || !q.Body.Masked {
		t.Errorf("%q", got)
	}
}

// TestLosses has every record be written or lost, and counted once.
func TestLosses(t *testing.T) {
	block := make(chan struct{})
	var o outcome
	entered := make(chan struct{}, 1000)
	by := New(Options{Account: NewAccount(1000), Masker: plainMasker{}, Lost: o.gone, Out: func(line []byte) {
		entered <- struct{}{}
		<-block
		o.out(line)
	}})
	unlimited := terms()
	give := func(n int) {
		for range n {
			if by.Offer(300, unlimited) {
				by.Give(&Record{Request: &Request{}}, unlimited, 300)
			}
		}
	}
	give(1)
	<-entered // its memory is taken until it is written
	give(9)
	if got := o.lost[LostMemory]; got != 7 {
		t.Errorf("%d lost, want 7 of 10 where there is room for 3", got)
	}
	close(block)
	if err := by.Close(time.Minute); err != nil {
		t.Error(err)
	}
	give(1)
	if len(o.lines) != 3 || o.lost[LostEnded] != 1 || by.Account().Used() != 0 {
		t.Errorf("%d written, lost %v, %d bytes", len(o.lines), o.lost, by.Account().Used())
	}
}

func TestCloseGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		block := make(chan struct{})
		var o outcome
		by := New(Options{Account: NewAccount(1000), Masker: plainMasker{}, Lost: o.gone, Out: func(line []byte) { <-block; o.out(line) }})
		for range 3 {
			by.Offer(10, terms())
			by.Give(&Record{Request: &Request{}}, terms(), 10)
		}
		synctest.Wait()
		if err := by.Close(time.Second); err == nil || o.lost[LostEnded] != 2 {
			t.Errorf("%v, lost %v", err, o.lost)
		}
		close(block)
		synctest.Wait()
		if len(o.lines) != 1 || by.Account().Used() != 0 {
			t.Errorf("%d lines, %d bytes", len(o.lines), by.Account().Used())
		}
	})
}

func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var o outcome
		by := recorder(&o, 1<<20)
		limited := terms()
		limited.Budget = NewBudget(1000)
		took := func() (n int) {
			for by.Offer(400, limited) {
				n++
			}
			return n
		}
		if n := took(); n != 2 {
			t.Errorf("%d of 400 bytes at first, of 1000", n)
		}
		time.Sleep(time.Second)
		if n := took(); n != 2 {
			t.Errorf("%d after a second", n)
		}
		time.Sleep(10 * time.Second)
		if !by.Offer(5000, limited) || by.Offer(1, limited) {
			t.Error("one that is larger than a second's worth has all of one, and leaves a debt")
		}
		time.Sleep(4 * time.Second)
		if by.Offer(400, limited) {
			t.Error("the debt is forgotten")
		}
		if o.lost[LostRate] != 4 {
			t.Errorf("lost %v", o.lost)
		}
	})
}

// A record whose making panics is lost, and the next one is not.
func TestBroken(t *testing.T) {
	var o outcome
	var broke any
	by := New(Options{Account: NewAccount(1000), Masker: plainMasker{}, Lost: o.gone, Out: o.out, Broke: func(err any) { broke = err }})
	by.Offer(10, terms())
	by.Give(&Record{}, terms(), 10) // without a request
	by.Offer(10, terms())
	by.Give(&Record{Request: &Request{}}, terms(), 10)
	if err := by.Close(time.Minute); err != nil || broke == nil || o.lost[LostBroken] != 1 || len(o.lines) != 1 || by.Account().Used() != 0 {
		t.Errorf("%v, %v, %v, %d lines, %d bytes", err, broke, o.lost, len(o.lines), by.Account().Used())
	}
}

func TestCapture(t *testing.T) {
	a := NewAccount(4000)
	one := a.NewCapture(1500)
	for range 3 {
		if n, err := one.Write(bytes.Repeat([]byte("x"), 600)); n != 600 || err != nil {
			t.Fatal(n, err)
		}
	}
	if b, cut := one.Bytes(); len(b) != 1500 || cut != CutLimit || a.Used() < 1500 || a.Used() > 2000 {
		t.Errorf("%d bytes, %q, %d taken", len(b), cut, a.Used())
	}
	two := a.NewCapture(10_000)
	for range 10 {
		_, _ = two.Write(bytes.Repeat([]byte("y"), 600))
	}
	if b, cut := two.Bytes(); cut != CutMemory || len(b) == 0 || a.Used() > a.Limit() {
		t.Errorf("%d bytes, %q, %d taken", len(b), cut, a.Used())
	}
	one.Free()
	two.Free()
	two.Free()
	if a.Used() != 0 {
		t.Errorf("%d are still taken", a.Used())
	}
	var none *Capture
	_, err := none.Write([]byte("a"))
	if b, _ := none.Bytes(); err != nil || b != nil {
		t.Error("nobody captures")
	}
	none.Free()
	if errors.Is(err, io.EOF) {
		t.Error(err)
	}
}
