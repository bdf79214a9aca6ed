package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"net/textproto"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/wafer-waf/wafer/mask"
	"github.com/wafer-waf/wafer/record"
)

// event is what explain reads of an access or security event. Its text is a client's, cleaned and masked, if
// nobody else has written into the log.
type event struct {
	Time           string      `json:"time,omitempty"`
	Event          string      `json:"event"`
	RequestID      string      `json:"request_id,omitempty"`
	Route          string      `json:"route,omitempty"`
	Policy         string      `json:"policy,omitempty"`
	Mode           string      `json:"mode,omitempty"`
	Client         string      `json:"client,omitempty"`
	Method         string      `json:"method,omitempty"`
	Host           string      `json:"host,omitempty"`
	Path           string      `json:"path,omitempty"`
	Status         int         `json:"status"`
	Verdict        string      `json:"verdict"`
	Error          string      `json:"error,omitempty"`
	AccessRule     string      `json:"access_rule,omitempty"`
	RuleID         int         `json:"rule_id,omitempty"`
	Score          *eventScore `json:"score,omitempty"`
	Rules          []eventRule `json:"rules,omitempty"`
	RulesDropped   int         `json:"rules_dropped,omitempty"`
	Coverage       string      `json:"coverage,omitempty"`
	CoverageReason string      `json:"coverage_reason,omitempty"`
	Generation     uint64      `json:"generation,omitempty"`

	Untold []string `json:"untold,omitempty"` // targets that the request tried again lacks

	client netip.Addr
}

type eventScore struct {
	Inbound           int `json:"inbound"`
	InboundThreshold  int `json:"inbound_threshold"`
	Outbound          int `json:"outbound"`
	OutboundThreshold int `json:"outbound_threshold"`
}

type eventRule struct {
	ID       int    `json:"id"`
	Message  string `json:"message,omitempty"`
	Severity string `json:"severity,omitempty"`
	Phase    int    `json:"phase,omitempty"`
	Target   string `json:"target,omitempty"`
	Value    string `json:"value,omitempty"`
}

// maxFiller bounds a body of which only the length is known.
const maxFiller = 4 << 10

// longestEvent bounds a line that is looked at: an event has 50 rules of less than a KiB each.
const longestEvent = 1 << 20

// readEvent looks for the event that is asked for: a security event, or else an access event, since that one
// knows less.
func (in *explainInput) readEvent(log io.Reader) (*asked, error) {
	var found *event
	var others []string
	lines, err := record.Unpacked(log)
	if err != nil {
		return nil, err
	}
	for {
		line, err := readLine(lines, longestEvent)
		if e := parseEvent(line); e != nil && (in.requestID == "" || e.RequestID == in.requestID) {
			switch {
			case found != nil && e.RequestID != found.RequestID:
				if !slices.Contains(others, e.RequestID) && len(others) < 3 {
					others = append(others, e.RequestID)
				}
			case found == nil || e.Event == "security":
				found = e
			}
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read events: %w", err)
		}
	}
	switch {
	case found == nil && in.requestID != "":
		return nil, fmt.Errorf("no event of request %q: are these lines of all pods, and of the time in question?", in.requestID)
	case found == nil:
		return nil, errors.New("no event among the lines")
	case len(others) > 0:
		return nil, fmt.Errorf("events of several requests: choose one with --request-id, %s or %s", found.RequestID, strings.Join(others, " or "))
	}
	found.Untold = found.untold()
	found.client, _ = netip.ParseAddr(found.Client)
	return &asked{event: found, raw: found.request()}, nil
}

// readLine returns the next line, without what of it is beyond a limit.
func readLine(r *bufio.Reader, most int) ([]byte, error) {
	var line []byte
	for {
		piece, err := r.ReadSlice('\n')
		line = append(line, piece[:min(len(piece), most-len(line))]...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}

// parseEvent reads one line, before whose JSON there may be what names a pod. It returns nil for others.
func parseEvent(line []byte) *event {
	at := bytes.IndexByte(line, '{')
	if at < 0 {
		return nil
	}
	var e event
	if json.Unmarshal(line[at:], &e) != nil || e.Event != "access" && e.Event != "security" {
		return nil
	}
	return &e
}

// untold are the targets of rules that the event's request cannot be made of: their values are masked or cut, or stand
// in something of which an event tells no more than a part.
func (e *event) untold() (out []string) {
	made := []string{
		"ARGS", "ARGS_GET", "ARGS_POST", "ARGS_NAMES", "ARGS_GET_NAMES", "ARGS_POST_NAMES", "REQUEST_HEADERS",
		"REQUEST_HEADERS_NAMES", "REQUEST_COOKIES", "&REQUEST_HEADERS", "REQUEST_METHOD", "REQUEST_FILENAME", "REMOTE_ADDR",
	}
	for _, r := range e.Rules {
		collection, _, _ := strings.Cut(r.Target, ":")
		lost := mask.Placeholder(r.Value) >= 0 || strings.HasSuffix(r.Value, "…") || !slices.Contains(made, collection)
		if lost && r.Target != "" && !slices.Contains(out, r.Target) {
			out = append(out, r.Target)
		}
	}
	return out
}

// request writes the request of an event, as far as it is told: method, host, path, and the values in which
// rules found something. It is nil if it is not told at all.
func (e *event) request() []byte {
	if e.Method == "" || !strings.HasPrefix(e.Path, "/") {
		return nil
	}
	query, form := url.Values{}, url.Values{}
	fields := map[string]string{"Host": e.Host, "User-Agent": "wafer-explain", "Accept": "*/*"}
	var cookies []string
	args := query
	if e.Method != "GET" && e.Method != "HEAD" {
		args = form
	}
	for _, r := range e.Rules {
		collection, name, _ := strings.Cut(r.Target, ":")
		switch collection {
		case "ARGS":
			args.Set(name, r.Value)
		case "ARGS_GET":
			query.Set(name, r.Value)
		case "ARGS_POST":
			form.Set(name, r.Value)
		case "ARGS_NAMES", "ARGS_GET_NAMES", "ARGS_POST_NAMES":
			if !args.Has(name) {
				args.Set(name, "")
			}
		case "REQUEST_HEADERS":
			fields[textproto.CanonicalMIMEHeaderKey(name)] = oneLine(r.Value)
		case "REQUEST_HEADERS_NAMES":
			fields[textproto.CanonicalMIMEHeaderKey(name)] = "x"
		case "REQUEST_COOKIES":
			cookies = append(cookies, name+"="+r.Value)
		case "&REQUEST_HEADERS":
			delete(fields, textproto.CanonicalMIMEHeaderKey(name))
		}
	}
	if len(cookies) > 0 {
		fields["Cookie"] = oneLine(strings.Join(cookies, "; "))
	}
	target := e.Path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	body := form.Encode()
	if body != "" {
		fields["Content-Type"] = "application/x-www-form-urlencoded"
	} else if n, err := strconv.Atoi(fields["Content-Length"]); err == nil && n > 0 && n <= maxFiller {
		body = strings.Repeat("x", n)
	}
	if _, given := fields["Content-Length"]; body != "" || !given && e.hasBody() {
		fields["Content-Length"] = strconv.Itoa(len(body))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\n", e.Method, target)
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		fmt.Fprintf(&b, "%s: %s\r\n", oneLine(name), fields[name])
	}
	b.WriteString("\r\n" + body)
	return []byte(b.String())
}

// hasBody reports whether a body belongs to the request, even one that is not told: without its length rule 920180
// would find that, unless it is what was found.
func (e *event) hasBody() bool {
	if e.Method != "POST" && e.Method != "PUT" && e.Method != "PATCH" {
		return false
	}
	return !slices.ContainsFunc(e.Rules, func(r eventRule) bool { return r.ID == 920180 })
}

// oneLine keeps text within a header field.
func oneLine(s string) string { return strings.NewReplacer("\r", " ", "\n", " ").Replace(s) }
