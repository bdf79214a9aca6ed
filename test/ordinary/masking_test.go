package ordinary

import (
	"bufio"
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/mask"
)

// What is masked in ordinary requests is what their names say to be secret. Numbers that look like those of cards are rare, and so is
// what is masked in paths. docs/operations.md has the figures.
func TestMasking(t *testing.T) {
	const (
		n         = 20000
		mostPaths = 16 // seven have jsessionid, six a UUID behind a word such as token
		mostCards = 175
	)
	var p *mask.Policy
	paths, cards := map[string]string{}, 0
	for i, r := range Requests(7, n) {
		q, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(r.Bytes())))
		if err != nil {
			t.Fatal(err)
		}
		path := q.URL.EscapedPath()
		if told := p.URL(path); told != path {
			paths[path] = told
		}
		told := p.URL(q.RequestURI) + string(p.Body(q.Header.Get("Content-Type"), r.Body, false))
		for name, values := range q.Header {
			for _, value := range values {
				told += p.Header(name, value)
			}
		}
		cards += strings.Count(told, "[card]")
		for _, name := range []string{"User-Agent", "Accept", "Accept-Language", "Content-Type", "If-None-Match", "Sec-Ch-Ua"} {
			if value := q.Header.Get(name); p.Header(name, value) != value {
				t.Errorf("%s %d: %s: %s", r.Kind, i, name, value)
			}
		}
	}
	t.Logf("%d requests: something is masked in %d paths; %d numbers look like cards", n, len(paths), cards)
	if len(paths) > mostPaths {
		t.Errorf("something is masked in %d paths, want %d: %v", len(paths), mostPaths, paths)
	}
	if cards > mostCards {
		t.Errorf("%d numbers look like cards, want %d", cards, mostCards)
	}
}
