package challenge

import (
	"crypto/sha256"
	_ "embed" // the parts of the page
	"encoding/base64"
	"html"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/wafer-waf/wafer/message"
)

// The page and its parts. Scripts and styles stand in the page instead of files beside it, so that there is one answer,
// and nothing of it can be missing.
var (
	//go:embed page/ask.html
	askPage string
	//go:embed page/refresh.html
	refreshPart string
	//go:embed page/wait.html
	waitPart string
	//go:embed page/scripts.html
	scriptsPart string
	//go:embed page/failed.html
	failedPage string
	//go:embed page/style.css
	style string
	//go:embed page/solve.js
	script string
)

// page is the page that asks, but for what differs from one client to the next.
type page struct {
	text   string
	policy string // what of it may be executed
}

// newPage returns a page with the work, and with a wait for clients without scripts unless that is 0.
func newPage(bits int, wait time.Duration) page {
	head, unscripted := "", scriptsPart
	if wait > 0 {
		head, unscripted = refreshPart, waitPart
	}
	text := strings.NewReplacer("{{head}}", head, "{{unscripted}}", unscripted).Replace(askPage)
	text = strings.NewReplacer("{{style}}", style, "{{script}}", script, "{{path}}", Path,
		"{{bits}}", strconv.Itoa(bits), "{{patience}}", strconv.Itoa(seconds(wait+lag))).Replace(text)
	return page{text: text, policy: contentPolicy(script)}
}

// write returns the page for a puzzle that leads to back.
func (p *page) write(s *slip, back, id string) []byte {
	return replaced(p.text, "puzzle", s.String(), "back", html.EscapeString(back), "query", url.QueryEscape(back),
		"request_id", html.EscapeString(id))
}

// failed is the page after an answer that was not taken.
func failed(status int, back, id string) Reply {
	body := replaced(failedPage, "style", style, "back", html.EscapeString(back), "request_id", html.EscapeString(id))
	return Reply{Status: status, Body: body, Fields: pageFields(contentPolicy(""))}
}

// contentPolicy lets a page do what it is there for: its own style and script, by their hashes, and its own form.
func contentPolicy(script string) string {
	policy := "default-src 'none'; style-src " + digest(style) + "; form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
	if script != "" {
		policy += "; script-src " + digest(script)
	}
	return policy
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

func pageFields(policy string) message.Fields {
	return message.Fields{
		{Name: "Content-Type", Value: "text/html; charset=utf-8"},
		{Name: "Cache-Control", Value: "no-store"},
		{Name: "Content-Security-Policy", Value: policy},
		{Name: "X-Content-Type-Options", Value: "nosniff"},
		{Name: "Referrer-Policy", Value: "same-origin"},
	}
}

// replaced is a text with {{names}} replaced by what stands behind them in the list.
func replaced(text string, list ...string) []byte {
	out := make([]byte, 0, len(text)+1024)
	for {
		before, rest, found := strings.Cut(text, "{{")
		if out = append(out, before...); !found {
			return out
		}
		name, behind, _ := strings.Cut(rest, "}}")
		for i := 0; i < len(list); i += 2 {
			if list[i] == name {
				out = append(out, list[i+1]...)
			}
		}
		text = behind
	}
}
