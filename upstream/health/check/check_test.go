package check

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wafer-waf/wafer/message"
)

// standard is what tests differ from.
func standard() Config {
	return Config{
		Method: "GET", Path: "/healthz", Good: func(s int) bool { return s == 200 },
		Interval: 10 * time.Second, Down: time.Second, Timeout: 2 * time.Second,
	}
}

// run checks for a time with answers of ask, and returns what was told, and when.
func run(c Config, d time.Duration, up func() bool, ask Ask) (told []string, at []time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	began := time.Now()
	New(c).Run(ctx, Endpoint{Address: "a:80", Ask: ask, Up: up, Checked: func(err error) {
		told, at = append(told, fmt.Sprint(err)), append(at, time.Since(began))
	}})
	return told, at
}

func always() bool { return true }

// TestWhatIsAsked looks at the request.
func TestWhatIsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, host := range []string{"", "shop.test"} {
			c := standard()
			c.Host, c.Method = host, "HEAD"
			want := host
			if host == "" {
				want = "a:80"
			}
			asked := 0
			run(c, 5*time.Second, always, func(_ context.Context, out *message.Request) (Answer, error) {
				asked++
				if out.Method != "HEAD" || out.Target != "/healthz" || out.Fields.Get("Host") != want || out.Body.Stream != nil {
					t.Errorf("%+v", out)
				}
				return Answer{Status: 200}, nil
			})
			if asked != 1 {
				t.Errorf("asked %d times", asked)
			}
		}
	})
}

// TestWhatIsGood judges answers.
func TestWhatIsGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := standard()
		c.Body = "ready"
		refused := errors.New("connection refused")
		for _, a := range []struct {
			ask  Ask
			want string
		}{
			{answers(Answer{Status: 200, Body: []byte("is ready.")}), "<nil>"},
			{answers(Answer{Status: 200, Body: []byte("is not")}), "the body does not have the text"},
			{answers(Answer{Status: 503, Body: []byte("ready")}), "status 503"},
			{func(context.Context, *message.Request) (Answer, error) { return Answer{}, refused }, "connection refused"},
			{func(ctx context.Context, _ *message.Request) (Answer, error) {
				<-ctx.Done()
				return Answer{}, ctx.Err()
			}, "no answer in time"},
		} {
			if told, _ := run(c, 5*time.Second, always, a.ask); !slices.Equal(told, []string{a.want}) {
				t.Errorf("told %q, want %q", told, a.want)
			}
		}
	})
}

func answers(a Answer) Ask {
	return func(context.Context, *message.Request) (Answer, error) { return a, nil }
}

// TestIntervals expects checks at their time: more of them while the endpoint is down, and none at the same time as others.
func TestIntervals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		isUp := func() bool { return time.Since(began) < 55*time.Second }
		_, at := run(standard(), 65*time.Second, isUp, answers(Answer{Status: 200}))
		if at[0] >= firstWithin {
			t.Errorf("first check after %v", at[0])
		}
		slow, fast := 0, 0
		for i := 1; i < len(at); i++ {
			switch gap := at[i] - at[i-1]; {
			case gap >= 9*time.Second && gap <= 11*time.Second:
				slow++
			case gap >= 900*time.Millisecond && gap <= 1100*time.Millisecond:
				fast++
			default:
				t.Errorf("%v between two checks", gap)
			}
		}
		if slow < 5 || slow > 7 || fast < 1 {
			t.Errorf("%d slow and %d fast intervals", slow, fast)
		}
		_, again := run(standard(), 65*time.Second, always, answers(Answer{Status: 200}))
		if at[0] == again[0] && at[1] == again[1] {
			t.Error("two endpoints are checked at the same time")
		}
	})
}

// TestEndsAtOnce expects nothing to be told of a check that the end has cut.
func TestEndsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told, _ := run(standard(), 1500*time.Millisecond, always, func(ctx context.Context, _ *message.Request) (Answer, error) {
			<-ctx.Done()
			return Answer{}, ctx.Err()
		})
		if len(told) != 0 {
			t.Errorf("told %q", told)
		}
	})
}
