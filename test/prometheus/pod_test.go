package prometheus

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// impaired is what a pod would tell to which happens what a test cannot bring about in a second: a fault of Wafer itself, a
// machine without descriptors, a certificate that has grown old. {up} grows with time, {at+600} is in so many seconds, and
// {jump} begins to grow when an alert has something to compare with.
const impaired = `
wafer_config_last_good 1
wafer_config_info{digest="another"} 1
wafer_policy_rules{policy="thin"} 7
wafer_collections_lost_total{reason="evicted"} {up}
wafer_tls_last_reload_successful{listener="https"} 0
wafer_admin_certificate_not_after_timestamp_seconds {at+600}
wafer_upstream_certificate_not_after_timestamp_seconds{upstream="old"} {at+600}
wafer_tls_crl_next_update_timestamp_seconds{listener="https"} {at-60}
wafer_verify_checks{result="failed"} 1
wafer_coverage_total{route="dear",coverage="partial",reason="budget"} {up}
wafer_requests_total{route="broken",verdict="error_deny"} {up}
wafer_requests_total{route="hit",verdict="block"} {jump}
wafer_panics_total {up}
wafer_screen_disagreements_total{policy="wrong"} {up}
wafer_events_dropped_total {up}
wafer_log_dropped_total {up}
wafer_sink_events_total{sink="slow",result="full"} {up}
wafer_records_up 0
wafer_trace_spans_total{result="full"} {up}
wafer_records_total{result="output"} {up}
wafer_access_key_fetches_total{url="https://id.example/keys",result="failed"} {up}
wafer_upstream_endpoints{upstream="old",state="ejected"} 1
wafer_upstream_sources_failing{upstream="old"} 1
wafer_upstream_panic{upstream="old"} 1
wafer_list_stale{list="tor"} 1
wafer_geo_failing{file="country.mmdb"} 1
wafer_accept_failures_total {up}
wafer_upstream_errors_total{upstream="full",reason="queue_full"} {up}
wafer_inspection_queue 50
wafer_refused_total{reason="memory"} {up}
wafer_refused_total{reason="client_gone"} {up}
`

// pod serves that, and returns its address.
func pod(t *testing.T, jumpsAfter time.Duration) string {
	began := time.Now()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		now := time.Now()
		text := strings.NewReplacer(
			"{up}", fmt.Sprint(int(1+100*now.Sub(began).Seconds())),
			"{jump}", fmt.Sprint(int(1+1000*max(now.Sub(began)-jumpsAfter, 0).Seconds())),
			"{at+600}", fmt.Sprint(now.Unix()+600), "{at-60}", fmt.Sprint(now.Unix()-60),
		).Replace(impaired)
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		_, _ = w.Write([]byte(text))
	}))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}
