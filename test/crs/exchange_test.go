package crs

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/wafer-waf/wafer/test/tier"
)

// patience is how long an answer may take: on a busy machine and with the race detector,
// the largest requests keep the rules at paranoia 4 busy for half a minute.
const patience = 4 * time.Minute

// exchange is one request of the suite and all that came of it.
type exchange struct {
	client string // the address it was sent from, used once
	status int    // of the answer; 0: there was none
	err    error  // why there was none
	id     string // request id, from the answer

	access   map[string]any
	security map[string]any // nil: no rule matched
	reached  bool           // something of this client arrived at the backend
}

// send sends a request as it is, from an address of its own, and reads the answer. On
// Linux the whole of 127.0.0.0/8 is this machine.
func send(addr, client string, request []byte) *exchange {
	x := &exchange{client: client}
	x.err = x.send(addr, request)
	return x
}

func (x *exchange) send(addr string, request []byte) error {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(x.client)}, Timeout: patience}
	c, err := dialer.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	// A tier that answers before it has read everything is right to do so.
	_, writeErr := c.Write(request)
	method, _, _ := bytes.Cut(bytes.TrimLeft(request, " \t"), []byte(" "))
	in := bufio.NewReader(c)
	for {
		response, err := http.ReadResponse(in, &http.Request{Method: string(method)})
		if err != nil {
			if writeErr != nil {
				return writeErr
			}
			return err
		}
		_, err = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close() // it has been read
		if err != nil {
			return err
		}
		if response.StatusCode >= 200 {
			x.status, x.id = response.StatusCode, response.Header.Get("X-Request-Id")
			return nil
		}
	}
}

// collect finds the events of exchanges. The access event is the last of a request.
func collect(tr *tier.Tier, exchanges []*exchange) {
	byID := map[string]*exchange{}
	for _, x := range exchanges {
		if x.id != "" {
			byID[x.id] = x
		}
	}
	if len(byID) == 0 {
		return
	}
	missing := len(byID)
	tr.Event(func(e map[string]any) bool {
		id, _ := e["request_id"].(string)
		x := byID[id]
		switch {
		case x == nil:
		case e["event"] == "security":
			x.security = e
		case e["event"] == "access" && x.access == nil:
			x.access = e
			missing--
		}
		return missing == 0
	})
}

// refused reports whether the tier answered before a policy was asked.
func (x *exchange) refused() bool { return x.access["verdict"] == "refused" }

// matched are the rules in the security event, in the order they matched, and the rules that compare scores with
// thresholds: of those, an event has the scores.
func (x *exchange) matched() []map[string]any {
	list, _ := x.security["rules"].([]any)
	var rules []map[string]any
	for _, r := range list {
		rule, _ := r.(map[string]any)
		rules = append(rules, rule)
	}
	score, _ := x.security["score"].(map[string]any)
	for _, sum := range []struct {
		rule float64
		side string
		text string
	}{{949110, "inbound", "Inbound"}, {959100, "outbound", "Outbound"}} {
		of, _ := score[sum.side].(float64)
		if threshold, _ := score[sum.side+"_threshold"].(float64); of > 0 && of >= threshold {
			rules = append(rules, map[string]any{"id": sum.rule, "message": fmt.Sprintf("%s Anomaly Score Exceeded (Total Score: %v)", sum.text, of)})
		}
	}
	return rules
}

// ids are those of the rules that matched.
func (x *exchange) ids() []int {
	var ids []int
	for _, r := range x.matched() {
		id, _ := r["id"].(float64)
		ids = append(ids, int(id))
	}
	return ids
}

// log is the security event as the log line that the suite's patterns are written for.
// The event has no matched data, but target and whole value of the variable that matched.
func (x *exchange) log() string {
	var b strings.Builder
	text := func(r map[string]any, key string) string {
		s, _ := r[key].(string)
		return strings.ReplaceAll(s, "\n", " ")
	}
	for i, r := range x.matched() {
		fmt.Fprintf(&b, "[id \"%d\"] [msg \"%s\"] [data \"Matched Data: %[3]s found within %s: %[3]s\"]\n",
			x.ids()[i], text(r, "message"), text(r, "value"), text(r, "target"))
	}
	return b.String()
}
