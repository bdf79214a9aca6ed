package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// report is what ask prints in the end.
type report struct {
	Asked    int            `json:"asked"`
	Failed   int            `json:"failed"`
	Statuses map[string]int `json:"statuses"`
	Errors   []string       `json:"errors,omitempty"` // the first few
	Slowest  string         `json:"slowest"`
	Seconds  float64        `json:"seconds"`

	slowest time.Duration
	began   time.Time
	mu      sync.Mutex
}

// onlyOnce hides what it reads from, so that net/http cannot send a request a second time and
// hide a failure.
type onlyOnce struct{ io.Reader }

// ask keeps asking on several connections at once. Half of them are kept open, half are new for
// each request; half of the requests are POSTs that cannot be repeated.
func ask(args []string) error {
	fs := flag.NewFlagSet("ask", flag.ContinueOnError)
	clients := fs.Int("clients", 8, "clients at once")
	pause := fs.Duration("pause", 20*time.Millisecond, "of each client between two requests")
	limit := fs.Duration("for", 5*time.Minute, "at most")
	count := fs.Int("count", 0, "requests of each client; 0: until standard input ends")
	host := fs.String("host", "", "host to ask for; empty: the URL's")
	want := fs.String("want", "200", "statuses that are no failure, separated by commas")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if fs.NArg() != 1 {
		return fmt.Errorf("want one URL, have %v", fs.Args())
	}
	ctx, cancel := context.WithTimeout(context.Background(), *limit)
	defer cancel()
	if *count == 0 {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			cancel()
		}()
	}
	r := &report{Statuses: map[string]int{}, began: time.Now()}
	good := strings.Split(*want, ",")
	var wg sync.WaitGroup
	for i := range *clients {
		wg.Go(func() {
			t := &http.Transport{DisableKeepAlives: i%2 == 0, DialContext: (&net.Dialer{Timeout: 5 * time.Second}).DialContext, TLSClientConfig: anybody()}
			defer t.CloseIdleConnections()
			c := &http.Client{Transport: t, Timeout: 30 * time.Second}
			for n := 0; ctx.Err() == nil && (*count == 0 || n < *count); n++ {
				r.one(c, fs.Arg(0), *host, (n+i/2)%2 == 0, good)
				select {
				case <-ctx.Done():
				case <-time.After(*pause):
				}
			}
		})
	}
	wg.Wait()
	r.Slowest, r.Seconds = r.slowest.Round(time.Millisecond).String(), time.Since(r.began).Round(time.Millisecond).Seconds()
	return json.NewEncoder(os.Stdout).Encode(r)
}

// one asks once. The request is not bound to the end of the asking: what was begun is finished.
func (r *report) one(c *http.Client, url, host string, post bool, good []string) {
	method, body := http.MethodGet, io.Reader(nil)
	if post {
		method, body = http.MethodPost, onlyOnce{strings.NewReader("note=two+mugs")}
	}
	began := time.Now()
	status, err := exchange(c, method, url, host, body)
	took := time.Since(began)

	r.mu.Lock()
	defer r.mu.Unlock()
	r.Asked++
	r.slowest = max(r.slowest, took)
	if err == nil {
		r.Statuses[strconv.Itoa(status)]++
		for _, g := range good {
			if g == strconv.Itoa(status) {
				return
			}
		}
		err = fmt.Errorf("%s: status %d", method, status)
	}
	r.Failed++
	if len(r.Errors) < 10 {
		r.Errors = append(r.Errors, fmt.Sprintf("after %.1f s: %v", began.Sub(r.began).Seconds(), err))
	}
}

func exchange(c *http.Client, method, url, host string, body io.Reader) (int, error) {
	req, err := http.NewRequest(method, url, body)
	if err != nil {
		return 0, err
	}
	req.Host = host
	if body != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := c.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}
