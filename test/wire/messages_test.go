package wire

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/test/tier"
)

// Frames of a client, masked with a key that is not zero.
const (
	text, binaryData, closing, ping, pong = 0x1, 0x2, 0x8, 0x9, 0xa
	fin                                   = 0x80
)

// frame spells a frame with that first byte.
func frame(first byte, payload string, masked bool) string {
	b, mask := []byte{first}, byte(0)
	if masked {
		mask = 0x80
	}
	switch n := len(payload); {
	case n < 126:
		b = append(b, mask|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, mask|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, mask|127), uint64(n))
	}
	if !masked {
		return string(b) + payload
	}
	key := "\x10\x32\x54\x76"
	b = append(b, key...)
	for i := range len(payload) {
		b = append(b, payload[i]^key[i%4])
	}
	return string(b)
}

// said is a text message in that many frames.
func said(payload string, frames int) string {
	var b strings.Builder
	for i := range frames {
		part := payload[i*len(payload)/frames : (i+1)*len(payload)/frames]
		first := byte(0)
		if i == 0 {
			first = text
		}
		if i == frames-1 {
			first |= fin
		}
		b.WriteString(frame(first, part, true))
	}
	return b.String()
}

// heard reads one frame: its first byte and its payload, unmasked.
func heard(br *bufio.Reader) (first byte, payload string, err error) {
	var head [2]byte
	if _, err := io.ReadFull(br, head[:]); err != nil {
		return 0, "", err
	}
	n := uint64(head[1] & 0x7f)
	var long [8]byte
	switch n {
	case 126:
		_, err = io.ReadFull(br, long[6:])
		n = binary.BigEndian.Uint64(long[:])
	case 127:
		_, err = io.ReadFull(br, long[:])
		n = binary.BigEndian.Uint64(long[:])
	}
	var key [4]byte
	if err == nil && head[1]&0x80 != 0 {
		_, err = io.ReadFull(br, key[:])
	}
	if err != nil {
		return 0, "", err
	}
	data := make([]byte, n)
	_, err = io.ReadFull(br, data)
	for i := range data {
		data[i] ^= key[i%4]
	}
	return head[0], string(data), err
}

func TestWebSocketMessages(t *testing.T) {
	t.Parallel()
	type tunnel struct {
		got    []string // payloads, in order
		reason uint16   // of the frame that closed it, 0: none
	}
	tunnels := make(chan tunnel, 10)
	back := newBackend(t, func(c *peer, m message) bool {
		answer := switching
		if m.target == "/extended" {
			answer = strings.Replace(answer, "\r\n\r\n", "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n", 1)
		}
		if m.target == "/masked" {
			answer += frame(fin|text, "no", true)
		}
		if m.target == "/slow" { // begins a frame and never ends it
			answer += frame(fin|text, "slow", false)[:4]
		}
		if _, err := io.WriteString(c, answer); err != nil {
			return false
		}
		var seen tunnel
		for {
			first, payload, err := heard(c.br)
			if err != nil {
				break
			}
			seen.got = append(seen.got, payload)
			if first == fin|closing {
				if len(payload) >= 2 {
					seen.reason = binary.BigEndian.Uint16([]byte(payload))
				}
				seen.got = seen.got[:len(seen.got)-1]
				break // and the connection ends
			}
			if first&fin != 0 && m.target != "/slow" {
				if _, err := io.WriteString(c, frame(fin|text, "echo "+payload, false)); err != nil {
					break
				}
			}
		}
		tunnels <- seen
		return false
	})
	w := tier.Start(t, tier.RouteFile(t, fmt.Sprintf(`
routes:
  - { id: block, hosts: [block.test], websocket: inspect, policy: block, upstreams: [{ id: b }] }
  - { id: detect, hosts: [detect.test], websocket: inspect, policy: detect, upstreams: [{ id: b }] }
  - { id: unread, hosts: [unread.test], websocket: inspect, policy: "off", upstreams: [{ id: b }] }
upstreams:
  - { id: b, endpoints: ["%s"] }
policies:
  - { id: block, request_body: { limit: 16KiB } }
  - { id: detect, mode: detect }
  - { id: "off", mode: "off" }
`, back.url())))
	attack := "1' OR '1'='1' -- "
	open := func(t *testing.T, host, target string) (*client, string) {
		t.Helper()
		raw := strings.Replace(fmt.Sprintf(handshake, target, host), "\r\n\r\n", "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n", 1)
		before := back.count()
		c := dial(t, w.Addr, "").send(raw)
		r := c.reply("GET").wantStatus(t, 101)
		m := back.seen(before)[0]
		if offered := m.get("Sec-WebSocket-Extensions"); (host == "unread.test") != (len(offered) == 1) {
			t.Errorf("%s: extensions %q were offered", host, offered)
		}
		return c, r.id
	}
	answered := func(t *testing.T, c *client, want string) {
		t.Helper()
		if _, payload, err := heard(c.br); err != nil || payload != want {
			t.Fatalf("heard %.100q, %v; want %.100q", payload, err, want)
		}
	}

	t.Run("messages pass as they came", func(t *testing.T) {
		c, id := open(t, "block.test", "/chat")
		var want []string
		say := func(raw, payload string) {
			t.Helper()
			want = append(want, payload)
			c.send(raw)
			answered(t, c, "echo "+payload)
		}
		say(said("hello", 1), "hello")
		say(said("", 1), "")
		say(said(`{"note":"two words","list":[1,2,3]}`, 1), `{"note":"two words","list":[1,2,3]}`)
		say(said("42[\"not quite JSON\"]", 1), "42[\"not quite JSON\"]")
		say(said("grüße", 1), "grüße")
		say(said(strings.Repeat("lorem ipsum ", 400), 1), strings.Repeat("lorem ipsum ", 400))
		say(frame(fin|binaryData, attack+"\xff", true), attack+"\xff") // nobody reads it
		say(frame(fin|ping, "are you there", true), "are you there")
		c.send(said("in many frames", 5)[:40]) // a part of it: nothing goes on yet
		c.send(said("in many frames", 5)[40:])
		// Each frame is one to the backend, which echoes the last.
		answered(t, c, "echo mes")
		want = append(want, "in", " ma", "ny ", "fra", "mes")
		// Between two frames of a message others may come, and they do not wait for it.
		whole := said("split", 2)
		cut := len(frame(text, "sp", true))
		c.send(whole[:cut] + frame(fin|ping, "now", true))
		answered(t, c, "echo now")
		c.send(whole[cut:])
		answered(t, c, "echo lit")
		want = append(want, "now", "sp", "lit")
		c.send(frame(fin|closing, "\x03\xe8", true))
		seen := tier.Receive(t, "the end of the tunnel at the backend", tunnels)
		if fmt.Sprint(seen.got) != fmt.Sprint(want) || seen.reason != 1000 {
			t.Errorf("the backend heard %q, %d; want %q", seen.got, seen.reason, want)
		}
		_ = c.Close()
		wantEvent(t, w.Access(id), map[string]any{"status": 101.0, "verdict": "pass", "coverage": "partial", "coverage_reason": "upgrade"})
	})
	// ends expects that the connection is closed for that reason on both sides, and that
	// the backend hears nothing but what was said before.
	ends := func(name, raw string, code uint16) string {
		var id string
		t.Run(name, func(t *testing.T) {
			var c *client
			c, id = open(t, "block.test", "/chat")
			c.send(said("before", 1))
			answered(t, c, "echo before")
			c.send(raw + said("after", 1))
			first, payload, err := heard(c.br)
			if want := string(binary.BigEndian.AppendUint16(nil, code)); err != nil || first != fin|closing || payload != want {
				t.Errorf("heard %x %q, %v; want the end for %d", first, payload, err, code)
			}
			c.ended()
			seen := tier.Receive(t, "the end of the tunnel at the backend", tunnels)
			if seen.reason != code || fmt.Sprint(seen.got) != "[before]" {
				t.Errorf("the backend heard %+v", seen)
			}
		})
		return id
	}
	id := ends("an attack", said(attack, 1), 1008)
	wantEvent(t, w.Security(id), map[string]any{
		"verdict": "block", "status": 101.0, "phase": 2.0, "rule_id": 949110.0, "route": "block", "coverage": "full",
	})
	if n := w.Metric(`wafer_websocket_messages_total{route="block",verdict="block"}`); n != 1 {
		t.Errorf("%v blocked messages were counted", n)
	}
	ends("an attack in frames of one byte", said(attack, len(attack)), 1008)
	ends("an attack in JSON", said(`{"a":{"b":["`+attack+`"]}}`, 1), 1008)
	ends("a long message", said(strings.Repeat("a", 17<<10), 1), 1009)
	ends("a long message in frames", said(strings.Repeat("a", 17<<10), 20), 1009)
	ends("a message that is long once it is encoded", said(strings.Repeat("\x01", 10<<10), 1), 1009)
	ends("a message without end", frame(text, "", true)+strings.Repeat(frame(0, "", true), 8000), 1009)
	ends("a length that nobody could send", "\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00", 1009)
	ends("a length that nobody could send behind another", frame(text, "hi", true)+"\x80\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00", 1009)
	ends("text that is none", said("\xff\xfe", 1), 1007)
	ends("a frame that is not masked", frame(fin|text, "hi", false), 1002)
	ends("a compressed message", frame(fin|0x40|text, "hi", true), 1002)
	ends("a message within a message", frame(text, "a", true)+frame(fin|text, "b", true), 1002)
	ends("bytes that are no frames", "GET /smuggled HTTP/1.1\r\n\r\n", 1002)

	t.Run("detection only", func(t *testing.T) {
		c, id := open(t, "detect.test", "/chat")
		c.send(said(attack, 1))
		answered(t, c, "echo "+attack)
		_ = c.Close()
		_ = tier.Receive(t, "the end of the tunnel at the backend", tunnels)
		wantEvent(t, w.Security(id), map[string]any{"verdict": "would_block", "status": 101.0, "route": "detect"})
	})
	t.Run("a policy that is off", func(t *testing.T) {
		c, id := open(t, "unread.test", "/chat")
		c.send(said(attack, 1))
		answered(t, c, "echo "+attack)
		_ = c.Close()
		_ = tier.Receive(t, "the end of the tunnel at the backend", tunnels)
		wantEvent(t, w.Access(id), map[string]any{"status": 101.0, "coverage": "none", "coverage_reason": "policy_off"})
	})
	t.Run("an extension that nobody offered", func(t *testing.T) {
		c := dial(t, w.Addr, "").send(fmt.Sprintf(handshake, "/extended", "block.test"))
		c.reply("GET").wantStatus(t, 502)
		_ = tier.Receive(t, "the end of the tunnel at the backend", tunnels)
	})
	t.Run("an application that breaks the framing", func(t *testing.T) {
		c, _ := open(t, "block.test", "/masked")
		c.ended()
		_ = tier.Receive(t, "the end of the tunnel at the backend", tunnels)
	})
	t.Run("an application in the middle of a frame", func(t *testing.T) {
		c, _ := open(t, "block.test", "/slow")
		c.send(said(attack, 1))
		if _, err := io.Copy(io.Discard, c.br); err != nil && !errors.Is(err, io.EOF) {
			t.Error(err)
		}
		if seen := tier.Receive(t, "the end of the tunnel at the backend", tunnels); seen.reason != 1008 || len(seen.got) > 0 {
			t.Errorf("the backend heard %+v", seen)
		}
	})
	tier.Eventually(t, "no tunnel is counted", func() bool { return w.Metric("wafer_tunnels") == 0 })
}
