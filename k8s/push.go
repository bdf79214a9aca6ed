package k8s

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Push puts the result of a run into a group of a Prometheus Pushgateway, in the place of
// the last one.
func Push(ctx context.Context, group string, checks []Check) error {
	failed := Failed(checks)
	body := fmt.Sprintf(`# TYPE wafer_verify_checks gauge
wafer_verify_checks{result="ok"} %d
wafer_verify_checks{result="failed"} %d
# TYPE wafer_verify_timestamp_seconds gauge
wafer_verify_timestamp_seconds %d
`, len(checks)-failed, failed, time.Now().Unix())
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, group, strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "text/plain; version=0.0.4")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("%s answers %d", group, resp.StatusCode)
	}
	return nil
}
