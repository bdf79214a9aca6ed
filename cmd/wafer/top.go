package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"
)

// topping is how "wafer top" is asked.
type topping struct {
	adminClient
	every  time.Duration
	once   bool
	scope  string
	output string
}

func newTop() *cobra.Command {
	var t topping
	c := &cobra.Command{
		Use:   "top",
		Short: "Watch a running tier: routes, verdicts, rules, latencies, upstreams",
		Long: `Watch a tier that runs, through its admin listener: requests by verdict and coverage, the busiest routes, the rules that find
most, latencies, upstreams. On a terminal the picture is drawn anew with every look; q ends it, p holds it. Elsewhere
each look is printed below the one before.

Figures are of one pod and of the time between two looks, read from its metrics. With --scope tier they are of all pods, over
the last minute, as the pod that is asked puts them together.`,
		Example: `  wafer top
  wafer top --once
  kubectl port-forward deploy/wafer 9090 & wafer top --scope tier`,
		Args: noArgs("write --admin"),
		RunE: func(c *cobra.Command, _ []string) error {
			if t.every < time.Second/10 {
				return fmt.Errorf("--every %s: look every 100ms at most", t.every)
			}
			return t.run(c)
		},
	}
	t.flags(c.Flags())
	c.Flags().DurationVar(&t.every, "every", 2*time.Second, "time between two looks")
	c.Flags().BoolVar(&t.once, "once", false, "print one picture, after two looks, and end")
	words(c, "scope", "", &t.scope, "the pod that is asked, or all of the tier", "pod", "tier")
	words(c, "output", "o", &t.output, "text for people, or json, a line for each look", "text", "json")
	return c
}

// topFrame is one picture of a tier. Rates are per second.
type topFrame struct {
	Time       time.Time          `json:"time"`
	Tier       string             `json:"tier"` // that was asked
	Version    string             `json:"version,omitempty"`
	Generation int                `json:"generation,omitempty"`
	Seconds    float64            `json:"seconds"` // that the rates are of
	Rate       float64            `json:"rate"`
	Verdicts   map[string]float64 `json:"verdicts"`
	Coverage   map[string]float64 `json:"coverage"`
	Refused    map[string]float64 `json:"refused,omitempty"`     // before a policy was asked, by reason
	Clean      *float64           `json:"clean_share,omitempty"` // of requests that the screen was asked about, those that it proved clean; nil: it was asked about none
	P50        float64            `json:"p50_ms"`
	P99        float64            `json:"p99_ms"`
	InFlight   int                `json:"in_flight"`
	Queue      int                `json:"queue"`
	Memory     float64            `json:"memory_bytes"`
	CPU        float64            `json:"cpu"` // cores
	Trouble    []string           `json:"trouble,omitempty"`
	Routes     []topRoute         `json:"routes"`
	Rules      []topRule          `json:"rules"`
	Missed     []topMissed        `json:"missed,omitempty"`
	Upstreams  []topUpstream      `json:"upstreams,omitempty"`
	Pods       []topPod           `json:"pods,omitempty"`
}

type topRoute struct {
	ID      string   `json:"id"`
	Rate    float64  `json:"rate"`
	Block   float64  `json:"block"` // redirects and drops included
	Would   float64  `json:"would_block"`
	Refused float64  `json:"refused"` // and what failed
	Errors  float64  `json:"errors"`  // answers 5xx
	P50     float64  `json:"p50_ms"`
	P99     float64  `json:"p99_ms"`
	Clean   *float64 `json:"clean_share,omitempty"` // likewise
}

// topMissed are requests of a route that were not inspected whole.
type topMissed struct {
	Reason string  `json:"reason"` // why not; docs/operations.md has the words
	Route  string  `json:"route"`
	Rate   float64 `json:"rate"`
	Total  float64 `json:"total"` // since the process began, or of the last minute
}

type topRule struct {
	ID      string  `json:"id"`
	Message string  `json:"message,omitempty"`
	Rate    float64 `json:"rate"`
	Total   float64 `json:"total"` // since the process began, or of events that are kept
}

type topUpstream struct {
	ID       string  `json:"id"`
	Up       int     `json:"up"`
	Away     int     `json:"away"` // ejected or down
	InFlight int     `json:"in_flight"`
	Errors   float64 `json:"errors"`
	Retries  float64 `json:"retries"`
}

type topPod struct {
	ID       string  `json:"id"`
	Version  string  `json:"version,omitempty"`
	State    string  `json:"state"`
	InFlight int     `json:"in_flight"`
	Memory   float64 `json:"memory_bytes"`
}

// looker takes pictures of a tier. The first look may have none: rates need two.
type looker interface {
	look(ctx context.Context) (*topFrame, error)
}

func (t *topping) looker() looker {
	client := &http.Client{Timeout: 10 * time.Second}
	if t.scope == "tier" {
		return &overviewLooker{ask: &t.adminClient, client: client}
	}
	return &metricsLooker{ask: &t.adminClient, client: client}
}

func (t *topping) run(c *cobra.Command) error {
	ctx, l := c.Context(), t.looker()
	frame, err := l.look(ctx)
	if err != nil {
		return err
	}
	if out := c.OutOrStdout(); isTerminal(out) && os.Getenv("TERM") != "dumb" && !t.once && t.output == "text" {
		return t.live(ctx, l, frame, out.(terminal))
	}
	for {
		if frame != nil {
			if err := t.print(c.OutOrStdout(), frame); err != nil || t.once {
				return err
			}
		}
		if err := pause(ctx, t.every); err != nil {
			return nil
		}
		if frame, err = l.look(ctx); err != nil {
			if t.once {
				return err
			}
			fmt.Fprintln(c.ErrOrStderr(), shownError(err)) // the pod may come back
			frame = nil
		}
	}
}

// pause waits, unless it is over.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// print prints a picture as plain text, or as a line of JSON.
func (t *topping) print(w io.Writer, f *topFrame) error {
	if t.output == "json" {
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		return e.Encode(f)
	}
	p := &picture{width: 120, height: 60, paint: paintFor(w)}
	p.draw(f)
	for _, line := range p.lines {
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	if t.once {
		return nil
	}
	_, err := fmt.Fprintln(w)
	return err
}

// errNoPicture says that a pod knows no whole tier.
var errNoPicture = errors.New("this tier does not tell of all its pods: leave --scope tier out")
