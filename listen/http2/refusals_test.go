package http2

import (
	"strings"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/listen"
	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/socket"
	"golang.org/x/net/http2"
)

// Each head that could be read in two ways is refused: by a reset where it is no request, else by a
// response. Requests on other streams of the connection are answered.
func TestRefusals(t *testing.T) {
	many := func(n int, name, value string) (all []string) {
		for range n {
			all = append(all, name, value)
		}
		return all
	}
	replaced := func(name, value string) []string {
		head := get()
		for i := 0; i < len(head); i += 2 {
			if head[i] == name {
				head[i+1] = value
			}
		}
		return head
	}
	without := func(name string) (head []string) {
		all := get()
		for i := 0; i < len(all); i += 2 {
			if all[i] != name {
				head = append(head, all[i], all[i+1])
			}
		}
		return head
	}
	for name, tt := range map[string]struct {
		head   []string
		status int // 0: a reset
		reason string
	}{
		"no method":                    {without(":method"), 0, "pseudo_field"},
		"no path":                      {without(":path"), 0, "pseudo_field"},
		"no scheme":                    {without(":scheme"), 0, "pseudo_field"},
		"another scheme":               {replaced(":scheme", "ftp"), 0, "pseudo_field"},
		"an unknown pseudo field":      {get(":version", "1"), 0, "pseudo_field"},
		"a pseudo field of responses":  {append([]string{":status", "200"}, get()...), 0, "pseudo_field"},
		"a pseudo field twice":         {append([]string{":path", "/a"}, get()...), 0, "pseudo_field"},
		"a pseudo field behind others": {get("a", "b", ":path", "/"), 0, "pseudo_field"},
		"a protocol":                   {append([]string{":protocol", "websocket"}, get()...), 0, "pseudo_field"},
		"upper case":                   {get("Accept", "*/*"), 0, "field_name"},
		"a name that is no token":      {get("a b", "c"), 0, "field_name"},
		"an empty name":                {get("", "c"), 0, "field_name"},
		"a colon in a name":            {get("a:b", "c"), 0, "field_name"},
		"CR in a name":                 {get("a\rb", "c"), 0, "control_byte"},
		"LF in a value":                {get("a", "b\nc"), 0, "control_byte"},
		"CRLF in a value":              {get("a", "b\r\nTransfer-Encoding: chunked"), 0, "control_byte"},
		"NUL in a value":               {get("a", "b\x00c"), 0, "control_byte"},
		"DEL in a value":               {get("a", "b\x7fc"), 0, "control_byte"},
		"LF in the path":               {replaced(":path", "/ HTTP/1.1\nA: b"), 0, "control_byte"},
		"LF in the method":             {replaced(":method", "GET / HTTP/1.1\r\nA: b\r\n"), 0, "control_byte"},
		"LF in the authority":          {replaced(":authority", "a\r\nb: c"), 0, "control_byte"},
		"white space before a value":   {get("a", " b"), 0, "field_space"},
		"a tab behind a value":         {get("a", "b\t"), 0, "field_space"},
		"Connection":                   {get("connection", "close"), 0, "connection_field"},
		"Proxy-Connection":             {get("proxy-connection", "close"), 0, "connection_field"},
		"Keep-Alive":                   {get("keep-alive", "1"), 0, "connection_field"},
		"Transfer-Encoding":            {get("transfer-encoding", "chunked"), 0, "connection_field"},
		"Upgrade":                      {get("upgrade", "websocket"), 0, "connection_field"},
		"TE":                           {get("te", "gzip"), 0, "connection_field"},
		"more TE":                      {get("te", "trailers, gzip"), 0, "connection_field"},
		"a length without a body":      {get("content-length", "1"), 0, "content_length"},
		"two lengths":                  {get("content-length", "0", "content-length", "0"), 400, "repeated_field"},
		"no length":                    {get("content-length", "+0"), 0, "content_length"},
		"a list of lengths":            {get("content-length", "0, 0"), 0, "content_length"},
		"another Host":                 {get("host", "b.test"), 0, "authority"},
		"two Hosts":                    {get("host", "a.test", "host", "a.test"), 400, "repeated_field"},
		"no host":                      {without(":authority"), 400, "host_missing"},
		"an empty authority":           {replaced(":authority", ""), 400, "host"},
		"userinfo":                     {replaced(":authority", "a@a.test"), 0, "userinfo"},
		"a host that is none":          {replaced(":authority", "a.test/b"), 400, "host"},
		"another target":               {replaced(":path", "http://a.test/"), 0, "target_form"},
		"an empty path":                {replaced(":path", ""), 0, "target_form"},
		"a star":                       {replaced(":path", "*"), 0, "target_form"},
		"a fragment":                   {replaced(":path", "/#a"), 400, "target_byte"},
		"a space in the path":          {replaced(":path", "/a b"), 400, "target_byte"},
		"a byte beyond ASCII":          {replaced(":path", "/\xc3\xa4"), 400, "target_byte"},
		"a method that is no token":    {replaced(":method", "G T"), 400, "method"},
		"a long method":                {replaced(":method", strings.Repeat("A", 33)), 501, "method_size"},
		"TRACE":                        {replaced(":method", "TRACE"), 405, "method_refused"},
		"CONNECT":                      {[]string{":method", "CONNECT", ":authority", "a.test:80"}, 405, "method_refused"},
		"a long target":                {replaced(":path", "/"+strings.Repeat("a", 16<<10)), 414, "target_size"},
		"many fields":                  {get(many(128, "a", "b")...), 431, "field_count"},
		"a long field":                 {get("a", strings.Repeat("b", 33<<10)), 431, "head_size"},
		"many crumbs":                  {get(many(1000, "cookie", "a=b")...), 431, "head_size"},
		"an expectation":               {get("expect", "magic"), 417, "expectation"},
		"two types":                    {get("content-type", "a/b", "content-type", "c/d"), 400, "repeated_field"},
	} {
		t.Run(name, func(t *testing.T) {
			s := serving(t, patient(), socket.Options{}, echo)
			r := dial(t, s)
			first, err := r.open(true, get()...)
			if err != nil {
				t.Fatal(err)
			}
			if o := r.outcome(first); o.status != 200 {
				t.Fatalf("before: %+v", o)
			}
			block := r.encode(tt.head...)
			stream := r.next
			r.next += 2
			writeBlock(t, r, stream, block)
			o := r.outcome(stream)
			if tt.status == 0 && (o.reset != http2.ErrCodeProtocol || !o.over || o.status != 0) || o.status != tt.status {
				t.Errorf("%+v, want status %d", o, tt.status)
			}
			last, err := r.open(true, get()...)
			if err != nil {
				t.Fatal(err)
			}
			if o := r.outcome(last); o.status != 200 {
				t.Errorf("behind: %+v", o)
			}
			if got := s.reasons(); got != tt.reason {
				t.Errorf("refused for %q, want %q", got, tt.reason)
			}
		})
	}
}

// writeBlock writes a head in as many frames as it needs.
func writeBlock(t *testing.T, r *raw, stream uint32, block []byte) {
	t.Helper()
	n := min(len(block), maxFrame)
	if err := r.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: block[:n], EndHeaders: n == len(block), EndStream: true}); err != nil {
		t.Fatal(err)
	}
	for block = block[n:]; len(block) > 0; block = block[n:] {
		n = min(len(block), maxFrame)
		if err := r.WriteContinuation(stream, n == len(block), block[:n]); err != nil {
			t.Fatal(err)
		}
	}
}

// A body has the length that was announced, or no request has it.
func TestBodyLength(t *testing.T) {
	for name, tt := range map[string]struct {
		length string
		pieces []string
		trails bool
		want   outcome
		read   string // what the handler gets
	}{
		"as announced":         {"5", []string{"he", "llo"}, false, outcome{status: 200}, "5 hello <nil>"},
		"with trailers":        {"5", []string{"hello"}, true, outcome{status: 200}, "5 hello <nil>"},
		"not announced":        {"", []string{"hello"}, false, outcome{status: 200}, "-1 hello <nil>"},
		"none":                 {"0", []string{""}, false, outcome{status: 200}, ""},
		"too long":             {"4", []string{"hello"}, false, outcome{reset: http2.ErrCodeProtocol, over: true}, "4  request refused: content_length"},
		"too short":            {"6", []string{"hello"}, false, outcome{reset: http2.ErrCodeProtocol, over: true}, "6 hello request refused: content_length"},
		"too short, trailers":  {"6", []string{"hello"}, true, outcome{reset: http2.ErrCodeProtocol, over: true}, "6 hello request refused: content_length"},
		"nothing of something": {"1", []string{""}, false, outcome{reset: http2.ErrCodeProtocol, over: true}, "1  request refused: content_length"},
	} {
		t.Run(name, func(t *testing.T) {
			read := make(chan string, 1)
			s := serving(t, patient(), socket.Options{}, func(c listen.Client) { read <- readAll(c); c.Respond(&message.Response{Status: 200}) })
			r := dial(t, s)
			head := get()
			if tt.length != "" {
				head = get("content-length", tt.length)
			}
			stream, err := r.open(false, head...)
			if err != nil {
				t.Fatal(err)
			}
			for i, piece := range tt.pieces {
				if err := r.WriteData(stream, i == len(tt.pieces)-1 && !tt.trails, []byte(piece)); err != nil {
					t.Fatal(err)
				}
			}
			if tt.trails {
				if err := r.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: r.encode("a", "b"), EndHeaders: true, EndStream: true}); err != nil {
					t.Fatal(err)
				}
			}
			if o := r.outcome(stream); o != tt.want {
				t.Errorf("%+v, want %+v", o, tt.want)
			}
			if got := s.told(t, read); got != tt.read && got != reasonOf(tt.read) {
				t.Errorf("read %q, want %q", got, tt.read)
			}
		})
	}
}

// Trailers that are none reset the stream, and the handler knows.
func TestBadTrailers(t *testing.T) {
	for name, tt := range map[string]struct {
		fields []string
		reason string
	}{
		"a pseudo field":   {[]string{":path", "/"}, "pseudo_field"},
		"upper case":       {[]string{"A", "b"}, "field_name"},
		"LF":               {[]string{"a", "b\nc"}, "control_byte"},
		"a field of heads": {[]string{"content-length", "1"}, "trailer_forbidden"},
		"a forwarding one": {[]string{"x-forwarded-for", "192.0.2.1"}, "trailer_forbidden"},
		"a long one":       {[]string{"a", strings.Repeat("b", 33<<10)}, "trailer_size"},
	} {
		t.Run(name, func(t *testing.T) {
			read := make(chan string, 1)
			s := serving(t, patient(), socket.Options{}, func(c listen.Client) { read <- readAll(c) })
			r := dial(t, s)
			stream, err := r.open(false, get()...)
			if err != nil {
				t.Fatal(err)
			}
			writeBlock(t, r, stream, r.encode(tt.fields...))
			if o := r.outcome(stream); o.reset != http2.ErrCodeProtocol {
				t.Errorf("%+v", o)
			}
			if got, want := s.told(t, read), "-1  request refused: "+tt.reason; got != want && got != tt.reason {
				t.Errorf("read %q, want %q", got, want)
			}
		})
	}
}

// told is what a handler has read, or the reason for which none was called: a stream may be reset before
// anybody has begun with it.
func (s *site) told(t *testing.T, read <-chan string) string {
	t.Helper()
	for end := time.After(time.Minute); ; {
		select {
		case got := <-read:
			return got
		case <-time.After(time.Millisecond):
			if got := s.reasons(); got != "" {
				return got
			}
		case <-end:
			t.Fatal("nobody was told")
		}
	}
}

func reasonOf(read string) string {
	_, reason, _ := strings.Cut(read, "request refused: ")
	return reason
}
