package main

import (
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/wafer-waf/wafer/record"
)

// TestShownRecordsAreHarmless has a control character in each word of a record, as a file of somebody else may: none
// reaches the terminal.
func TestShownRecordsAreHarmless(t *testing.T) {
	const bad = "x\x1b]0;y\a\x9b\u009b\u202e\u2028\r"
	body := &record.Body{Bytes: []byte(bad), Cut: bad, LeftOut: bad, Decoded: bad}
	response := &record.Response{Status: 200, Reason: bad, By: bad, Headers: []record.Field{{Name: bad, Value: bad}}, Body: body}
	text := shownRecord(&record.Record{
		Time: time.Now(), RequestID: bad, Route: bad, Policy: bad, Mode: bad, ID: bad, Why: []string{bad}, Message: bad,
		Client: record.Address{IP: bad}, Response: response, Withheld: response, Verdict: bad, Coverage: bad, CoverageReason: bad,
		Error: bad, AccessRule: bad, Rules: []record.Rule{{Message: bad, Target: bad, Value: bad}}, Upstream: bad, Endpoint: bad,
		Request: &record.Request{
			Method: bad, Target: bad, Protocol: bad, Host: bad, Headers: response.Headers, Body: body,
			Files: []record.File{{Field: bad, Name: bad, Type: bad}},
		},
	})
	at := strings.IndexFunc(text, func(r rune) bool { return r != '\n' && !unicode.IsGraphic(r) })
	if at >= 0 {
		t.Errorf("%q", text[max(at-40, 0):min(at+20, len(text))])
	}
	if n := strings.Count(text, "]0;y"); n < 30 {
		t.Errorf("%d words are shown: %s", n, text)
	}
}
