package e2e

import (
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/wafer-waf/wafer/test/mmdb"
	"github.com/wafer-waf/wafer/test/tier"
)

const listsFile = `
routes: [{ id: shop, upstreams: [{ id: a }] }]
upstreams: [{ id: a, endpoints: ["%s"] }]
access:
  - id: default
    rules:
      - { id: office, when: { addresses: [office] }, then: always_allow }
      - { id: listed, when: { addresses: [file, web] }, then: deny }
      - { id: abroad, when: { countries: [FR] }, then: deny }
      - { id: watched, when: { addresses: [observed] }, then: deny, mode: observe }
lists:
  - { id: office, entries: [192.0.2.1] }
  - { id: file, file: list.txt }
  - { id: web, url: "%s", ca: [ca.pem] }
  - { id: observed, entries: [{ address: 198.51.100.0/24, reason: a trial }] }
geo: { country: country.mmdb }
`

// TestLists changes lists under a tier that serves, and starts another one while their source is away.
func TestLists(t *testing.T) {
	t.Parallel()
	var feed atomic.Pointer[string]
	served := "203.0.113.0/24\n"
	feed.Store(&served)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if text := feed.Load(); text != nil {
			fmt.Fprint(w, *text)
			return
		}
		http.NotFound(w, r)
	}))
	t.Cleanup(server.Close)
	backend := newEcho(t, func(*http.Request, string) string { return "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx" })
	file := tier.RouteFile(t, fmt.Sprintf(listsFile, backend.url(), server.URL)+off)
	put := func(name string, data []byte) {
		t.Helper()
		path := filepath.Join(filepath.Dir(file), name)
		if err := os.WriteFile(path+"-new", data, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+"-new", path); err != nil {
			t.Fatal(err)
		}
	}
	put("list.txt", []byte("192.0.2.0/24\n"))
	put("ca.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	put("country.mmdb", mmdb.Write("Test", map[string]mmdb.Record{"198.18.0.0/16": {"country": mmdb.Record{"iso_code": "FR"}}}))
	arguments := []string{"--trusted-proxies", "127.0.0.1/32", "--last-good-dir", t.TempDir()}
	w := tier.Start(t, file, arguments...)
	status := func(client string, want int) {
		t.Helper()
		if got := ask(t, w.Addr, request("GET", "shop.test", "/", forwarded(client)...)).StatusCode; got != want {
			t.Errorf("%s: %d, want %d", client, got, want)
		}
	}
	status("192.0.2.1", 200)
	status("192.0.2.2", 403)
	status("203.0.113.9", 403)
	status("198.18.1.1", 403)
	status("198.51.100.1", 200)
	for series, want := range map[string]float64{
		`wafer_list_entries{list="file"}`: 1, `wafer_list_matches_total{list="web"}`: 1, `wafer_list_failing{list="web"}`: 0,
		`wafer_list_stale{list="web"}`: 0, `wafer_geo_failing{file="country.mmdb"}`: 0,
		`wafer_access_decisions_total{decision="would_access_denied",policy="default",rule="watched"}`: 1,
	} {
		if got := w.Metric(series); got != want {
			t.Errorf("%s is %v, want %v", series, got, want)
		}
	}
	if _, told := w.Get("/api/v1/lists?address=192.0.2.2"); !strings.Contains(told, `"entry": "192.0.2.0/24 of list file, line 1 of list.txt"`) {
		t.Error(told)
	}
	if code, _ := w.Get("/api/v1/lists?address=shop"); code != http.StatusBadRequest {
		t.Errorf("status %d", code)
	}

	generation := w.Metric("wafer_config_generation")
	put("list.txt", []byte("192.0.2.3\nnobody\n"))
	w.Log(func(l map[string]any) bool {
		return l["message"] == "the list is not as its source says, the last good one stays" && l["list"] == "file"
	})
	status("192.0.2.2", 403)
	put("list.txt", []byte("192.0.2.3\n192.0.2.4\n192.0.2.5\n"))
	tier.Eventually(t, "the file is read", func() bool { return w.Metric(`wafer_list_entries{list="file"}`) == 3 })
	status("192.0.2.2", 200)
	status("192.0.2.3", 403)
	if got := w.Metric("wafer_config_generation"); got != generation {
		t.Errorf("generation %v after %v: a list is no part of the configuration", got, generation)
	}

	w.Kill()
	feed.Store(nil)
	w = tier.Start(t, file, arguments...)
	status("203.0.113.9", 403)
	if _, told := w.Get("/api/v1/lists"); !strings.Contains(told, `"from_disk": true`) {
		t.Error(told)
	}
}
