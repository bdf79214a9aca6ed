package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/wafer-waf/wafer/admin/view"
)

// explainInput is what explain is asked.
type explainInput struct {
	host, path, method, client string
	headers                    []string
	body                       string
	log, requestID             string
	config                     string
	tier                       adminClient

	given func(flag string) bool
}

func (in *explainInput) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&in.host, "host", "", "Host field; without it and a URL the request is read from standard input")
	f.StringVar(&in.path, "path", "/", "request target: path and query, as on the wire")
	f.StringVarP(&in.method, "method", "X", "GET", "request method; POST if there is a body")
	f.StringArrayVarP(&in.headers, "header", "H", nil, "header field, 'Name: value'; may be repeated")
	f.StringVarP(&in.body, "body", "d", "", "request body: text, @FILE, or - for standard input; a form, unless it is JSON or --header says Content-Type")
	f.StringVar(&in.client, "client", "192.0.2.1", "address the request comes from")
	maskingFlag(c, &in.config)
	f.StringVar(&in.log, "log", "", "file with events, or - for standard input")
	f.StringVar(&in.requestID, "request-id", "", "the request to look for among events: those of a tier that runs with --admin, or on a terminal")
	in.tier.flags(f)
}

// asked is a request, or an event about one.
type asked struct {
	raw   []byte // nil: an event that tells no request
	event *event
}

// read finds out what is asked: what flags and URL say, or what is on standard input.
func (in *explainInput) read(ctx context.Context, stdin io.Reader, args []string) (*asked, error) {
	switch {
	case in.ofTier(stdin):
		return in.askTier(ctx)
	case in.log != "" && in.log != "-":
		file, err := os.Open(in.log)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		found, err := in.readEvent(file)
		if err != nil {
			err = fmt.Errorf("%s: %w", in.log, err)
		}
		return found, err
	case in.log == "-" || in.requestID != "":
		return in.readEvent(stdin)
	case len(args) == 2:
		if err := in.takeURL(args[1]); err != nil {
			return nil, err
		}
	case !in.given("host"):
		for _, flag := range []string{"path", "method", "header", "body"} {
			if in.given(flag) {
				return nil, fmt.Errorf("--%s needs a URL or --host", flag)
			}
		}
		return in.readStdin(stdin)
	}
	raw, err := in.build(stdin)
	return &asked{raw: raw}, err
}

// ofTier reports whether the event is looked for among those that a tier remembers.
func (in *explainInput) ofTier(stdin io.Reader) bool {
	if in.log != "" || in.requestID == "" {
		return false
	}
	return slices.ContainsFunc(adminFlags(), in.given) || isTerminal(stdin)
}

// askTier looks for the event at all pods of a tier.
func (in *explainInput) askTier(ctx context.Context) (*asked, error) {
	ask := url.Values{"request_id": {in.requestID}, "scope": {view.ScopeTier}}
	r, err := in.tier.request(ctx, http.MethodGet, "/api/v1/events", ask)
	if err != nil {
		return nil, err
	}
	var page view.Events
	if _, err := in.tier.answer(r, &http.Client{Timeout: eventsTimeout}, eventsMostBytes, &page, func() bool { return areEvents(&page) }); err != nil {
		return nil, err
	}
	var lines bytes.Buffer
	for i := range page.Events {
		lines.Write(append(page.Events[i].Event, '\n'))
	}
	if lines.Len() == 0 {
		return nil, fmt.Errorf("%s remembers no event of request %q: it may be older than what is kept, which the lines of kubectl logs or of a sink still tell, by --log", in.tier.address, in.requestID)
	}
	return in.readEvent(&lines)
}

// takeURL takes host and target from a URL, as they are spelled there.
func (in *explainInput) takeURL(text string) error {
	if in.given("host") || in.given("path") {
		return errors.New("give a URL, or --host and --path")
	}
	_, rest, found := strings.Cut(text, "://")
	if !found {
		return fmt.Errorf("%q is no URL: write http://host/path", text)
	}
	rest, _, _ = strings.Cut(rest, "#")
	end := len(rest)
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		end = i
	}
	in.host, in.path = rest[:end], rest[end:]
	if !strings.HasPrefix(in.path, "/") {
		in.path = "/" + in.path
	}
	if u, err := url.Parse("http://" + in.host); err != nil || u.User != nil {
		return fmt.Errorf("%q is no host", in.host)
	}
	return nil
}

// build writes the request that flags describe.
func (in *explainInput) build(stdin io.Reader) ([]byte, error) {
	body, err := in.readBody(stdin)
	if err != nil {
		return nil, err
	}
	method := in.method
	if in.given("body") && !in.given("method") {
		method = "POST"
	}
	if in.given("path") && !strings.HasPrefix(in.path, "/") && in.path != "*" && !strings.Contains(in.path, "://") {
		return nil, fmt.Errorf("--path %q does not begin with /: write /%s", in.path, in.path)
	}
	if i := strings.IndexFunc(in.path+in.host+method, func(r rune) bool { return r <= ' ' || r == 0x7f }); i >= 0 {
		return nil, fmt.Errorf("a space or control character in the first line of a request: write %%20 for a space")
	}
	fields := in.headers
	has := func(name string) bool {
		return slices.ContainsFunc(fields, func(f string) bool {
			n, _, _ := strings.Cut(f, ":")
			return strings.EqualFold(strings.TrimSpace(n), name)
		})
	}
	for _, f := range fields {
		if name, _, ok := strings.Cut(f, ":"); !ok || name == "" || strings.ContainsAny(f, "\r\n") {
			return nil, fmt.Errorf("--header %q is not written as 'Name: value'", f)
		}
	}
	add := func(name, value string) {
		if !has(name) {
			fields = append(fields, name+": "+value)
		}
	}
	if !has("Host") {
		fields = append([]string{"Host: " + in.host}, fields...)
	}
	add("User-Agent", "wafer-explain")
	add("Accept", "*/*")
	if in.given("body") {
		mediaType := "application/x-www-form-urlencoded"
		if trimmed := bytes.TrimSpace(body); len(trimmed) > 0 && (trimmed[0] == '{' || trimmed[0] == '[') && json.Valid(trimmed) {
			mediaType = "application/json"
		}
		add("Content-Type", mediaType)
		if !has("Transfer-Encoding") {
			add("Content-Length", fmt.Sprint(len(body)))
		}
	}
	return fmt.Appendf(nil, "%s %s HTTP/1.1\r\n%s\r\n\r\n%s", method, in.path, strings.Join(fields, "\r\n"), body), nil
}

func (in *explainInput) readBody(stdin io.Reader) ([]byte, error) {
	switch name, file := strings.CutPrefix(in.body, "@"); {
	case in.body == "-":
		return readBounded(stdin, "standard input", mostAsked)
	case file:
		return readNamed(name, mostAsked)
	}
	return []byte(in.body), nil
}

// readStdin reads a raw request, or an event.
func (in *explainInput) readStdin(stdin io.Reader) (*asked, error) {
	if isTerminal(stdin) {
		return nil, errNothingAsked
	}
	raw, err := readBounded(stdin, "standard input", mostAsked)
	if isLog(raw) { // which has no bound: its lines are read one by one
		return in.readEvent(io.MultiReader(bytes.NewReader(raw), stdin))
	}
	if err != nil {
		return nil, fmt.Errorf("read request: %w", err)
	}
	raw, err = wholeRequest(raw)
	return &asked{raw: raw}, err
}

// isLog tells lines of a log, which may begin with others than events, from a raw request.
func isLog(raw []byte) bool {
	first, _, _ := bytes.Cut(bytes.TrimSpace(raw), []byte("\n"))
	if bytes.HasPrefix(first, []byte("{")) || parseEvent(first) != nil {
		return true
	}
	if bytes.Contains(first, []byte(" HTTP/")) {
		return false
	}
	for line := range bytes.Lines(raw) {
		if parseEvent(line) != nil {
			return true
		}
	}
	return false
}

var errNothingAsked = errors.New("no request: give a URL, --host, or on standard input a raw HTTP request or an event")

// wholeRequest makes the line ends of a text file those of HTTP in the head of a raw request; the body
// stays as it is.
func wholeRequest(raw []byte) ([]byte, error) {
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil, errNothingAsked
	}
	head, body, wire := bytes.Cut(raw, []byte("\r\n\r\n"))
	if !wire {
		head, body, _ = bytes.Cut(raw, []byte("\n\n"))
		head = bytes.ReplaceAll(bytes.TrimRight(head, "\r\n"), []byte("\n"), []byte("\r\n"))
		raw = slices.Concat(head, []byte("\r\n\r\n"), body)
	}
	if n := len(bytes.TrimRight(body, "\r\n")); n > 0 && !framed(head) {
		return nil, fmt.Errorf("the request has no Content-Length, so what follows its head is not read: write Content-Length: %d", n)
	}
	return raw, nil
}

// framed reports whether a head says that a body follows.
func framed(head []byte) bool {
	for line := range bytes.Lines(head) {
		name, _, _ := bytes.Cut(line, []byte(":"))
		if bytes.EqualFold(name, []byte("Content-Length")) || bytes.EqualFold(name, []byte("Transfer-Encoding")) {
			return true
		}
	}
	return false
}
