package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wafer-waf/wafer/delivery"
)

// tally is a reporter that counts.
type tally struct {
	mu             sync.Mutex
	sent           int
	lost           map[string]int
	failed, worked int
}

func (c *tally) Sent(n int)           { c.mu.Lock(); c.sent += n; c.mu.Unlock() }
func (c *tally) Failed(error)         { c.mu.Lock(); c.failed++; c.mu.Unlock() }
func (c *tally) Worked()              { c.mu.Lock(); c.worked++; c.mu.Unlock() }
func (c *tally) Lost(n int, w string) { c.mu.Lock(); c.lost[w] += n; c.mu.Unlock() }

// told is what has been reported of each item.
func (c *tally) told() (all int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	all = c.sent
	for _, n := range c.lost {
		all += n
	}
	return all
}

// carrier answers attempts with what a test says.
type carrier struct {
	answer  func(ctx context.Context, b delivery.Batch[delivery.Line]) error
	batches []delivery.Batch[delivery.Line]
	at      []time.Time
	closed  bool
}

func (c *carrier) Carry(ctx context.Context, b delivery.Batch[delivery.Line]) error {
	c.batches, c.at = append(c.batches, b), append(c.at, time.Now())
	if c.answer == nil {
		return nil
	}
	return c.answer(ctx, b)
}

func (c *carrier) Close() { c.closed = true }

// texts are the lines of a batch.
func texts(b delivery.Batch[delivery.Line]) string {
	var all []string
	for _, l := range b.Items {
		all = append(all, string(l.Text))
	}
	return strings.Join(all, " ")
}

var (
	kind   = &delivery.Kind{Name: "access", Severity: delivery.Information}
	bounds = delivery.Options{
		Limit: 1000, BatchBytes: 1 << 20, BatchItems: 3, Every: time.Second, Timeout: 10 * time.Second,
		FirstRetry: time.Second, LastRetry: 8 * time.Second,
	}
)

func send(l *delivery.Lines, lines ...string) {
	for _, line := range lines {
		l.Send(kind, []byte(line+"\n"))
	}
}

// inBubble starts a queue in which time is exact.
func inBubble(t *testing.T, c *carrier, test func(l *delivery.Lines, got *tally)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		got := &tally{lost: map[string]int{}}
		l := delivery.NewLines(c, got, bounds)
		test(l, got)
		_ = l.Close(time.Minute)
		synctest.Wait()
		if !c.closed {
			t.Error("the carrier is not closed")
		}
	})
}

// rest lets time pass, and everything that happens meanwhile.
func rest(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestItemsGatherInBatches(t *testing.T) {
	c := &carrier{}
	inBubble(t, c, func(l *delivery.Lines, got *tally) {
		began := time.Now()
		send(l, "a", "b")
		rest(2 * time.Second)
		send(l, "c", "d", "e", "f")
		if err := l.Close(time.Minute); err != nil {
			t.Error(err)
		}
		send(l, "late")
		synctest.Wait()
		want := []string{"a b", "c d e", "f"}
		if len(c.batches) != len(want) {
			t.Fatalf("%d batches", len(c.batches))
		}
		for i, b := range c.batches {
			if texts(b) != want[i] || b.Number != uint64(i+1) {
				t.Errorf("batch %d: %q, number %d", i, texts(b), b.Number)
			}
		}
		if d := c.at[0].Sub(began); d != time.Second {
			t.Errorf("carried after %s", d)
		}
		if d := c.at[1].Sub(began); d != 2*time.Second {
			t.Errorf("a whole batch was carried after %s", d)
		}
		if got.sent != 6 || got.lost[delivery.Ended] != 1 || l.Waiting() != 0 {
			t.Errorf("%+v", got)
		}
	})
}

func TestWhatFindsNoRoomIsLost(t *testing.T) {
	c := &carrier{answer: func(ctx context.Context, _ delivery.Batch[delivery.Line]) error {
		<-ctx.Done() // hung
		return ctx.Err()
	}}
	inBubble(t, c, func(l *delivery.Lines, got *tally) {
		line := strings.Repeat("x", 186) // and 64 beside it: four are 1000
		for range 10 {
			send(l, line)
		}
		synctest.Wait()
		if got.lost[delivery.Full] != 6 || l.Waiting() != 1000 {
			t.Errorf("%v lost, %d bytes wait", got.lost, l.Waiting())
		}
		rest(15 * time.Second)
		if send(l, "a"); got.lost[delivery.Full] != 7 {
			t.Errorf("%v lost while an attempt hangs", got.lost)
		}
		err := l.Close(3 * time.Second)
		if err == nil || got.lost[delivery.Ended] != 4 || got.sent != 0 {
			t.Errorf("%v, %+v", err, got)
		}
		synctest.Wait()
		if got.told() != 11 {
			t.Errorf("reported %d", got.told())
		}
	})
}

// An item that is larger than the queue is carried if nothing else waits, and nothing waits beside it.
func TestLargeItemsWaitAlone(t *testing.T) {
	c := &carrier{}
	inBubble(t, c, func(l *delivery.Lines, got *tally) {
		large := strings.Repeat("x", 2000)
		send(l, large, "a")
		rest(time.Minute)
		send(l, "b", large)
		rest(time.Minute)
		if got.sent != 2 || got.lost[delivery.Full] != 2 || l.Waiting() != 0 {
			t.Errorf("%+v", got)
		}
	})
}

func TestFailedBatchesAreCarriedAgain(t *testing.T) {
	tries := 0
	c := &carrier{answer: func(context.Context, delivery.Batch[delivery.Line]) error {
		if tries++; tries <= 6 {
			return errors.New("no")
		}
		return nil
	}}
	inBubble(t, c, func(l *delivery.Lines, got *tally) {
		send(l, "a", "b", "c")
		rest(time.Minute)
		if got.sent != 3 || got.failed != 6 || got.worked != 1 || len(c.batches) != 7 {
			t.Fatalf("%+v, %d batches", got, len(c.batches))
		}
		longest := []time.Duration{1, 2, 4, 8, 8, 8}
		for i, b := range c.batches[1:] {
			if b.Number != 1 || texts(b) != "a b c" {
				t.Errorf("%q, number %d", texts(b), b.Number)
			}
			if d := c.at[i+1].Sub(c.at[i]); d > longest[i]*time.Second || d < longest[i]*time.Second/2 {
				t.Errorf("attempt %d came after %s", i+2, d)
			}
		}
	})
}

func TestReceiversSayWhenToComeAgain(t *testing.T) {
	for after, want := range map[time.Duration]time.Duration{5 * time.Second: 5 * time.Second, time.Hour: 8 * time.Second} {
		tries := 0
		c := &carrier{answer: func(context.Context, delivery.Batch[delivery.Line]) error {
			if tries++; tries == 1 {
				return fmt.Errorf("busy: %w", &delivery.Later{After: after, Err: errors.New("429")})
			}
			return nil
		}}
		inBubble(t, c, func(l *delivery.Lines, _ *tally) {
			send(l, "a")
			rest(time.Minute)
			if d := c.at[1].Sub(c.at[0]); d != want {
				t.Errorf("after %s: came again after %s", after, d)
			}
		})
	}
}

func TestRefusalsAreLost(t *testing.T) {
	for _, test := range []struct {
		name       string
		err        error
		sent, lost int
		why        string
	}{
		{"all", &delivery.Refusal{Why: delivery.Refused, Err: errors.New("400")}, 0, 3, delivery.Refused},
		{"some", &delivery.Refusal{Items: 2, Why: delivery.Refused, Err: errors.New("partial")}, 1, 2, delivery.Refused},
		{"nonsense", &delivery.Refusal{Items: 99, Why: delivery.Refused, Err: errors.New("partial")}, 0, 3, delivery.Refused},
		{"each alone too large", delivery.ErrTooLarge, 0, 3, delivery.TooLong},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := &carrier{answer: func(context.Context, delivery.Batch[delivery.Line]) error { return test.err }}
			inBubble(t, c, func(l *delivery.Lines, got *tally) {
				send(l, "a", "b", "c")
				rest(time.Minute)
				if got.sent != test.sent || got.lost[test.why] != test.lost || got.worked != 0 || l.Waiting() != 0 {
					t.Errorf("%+v", got)
				}
			})
		})
	}
}

func TestLargeBatchesAreCarriedInParts(t *testing.T) {
	c := &carrier{answer: func(_ context.Context, b delivery.Batch[delivery.Line]) error {
		if strings.Contains(texts(b), "big") && len(b.Items) > 1 {
			return delivery.ErrTooLarge
		}
		return nil
	}}
	inBubble(t, c, func(l *delivery.Lines, got *tally) {
		send(l, "a", "big", "c")
		rest(time.Minute)
		numbers := map[uint64]string{}
		for _, b := range c.batches {
			if before, ok := numbers[b.Number]; ok {
				t.Errorf("number %d is of %q and %q", b.Number, before, texts(b))
			}
			numbers[b.Number] = texts(b)
		}
		if got.sent != 3 || len(c.batches) != 5 {
			t.Errorf("%+v, %d batches", got, len(c.batches))
		}
	})
}

func TestPanicsAreFailures(t *testing.T) {
	tries := 0
	c := &carrier{answer: func(context.Context, delivery.Batch[delivery.Line]) error {
		if tries++; tries == 1 {
			panic("carrier")
		}
		return nil
	}}
	inBubble(t, c, func(l *delivery.Lines, got *tally) {
		send(l, "a")
		rest(time.Minute)
		if got.sent != 1 || got.failed != 1 {
			t.Errorf("%+v", got)
		}
	})
}

// A receiver that is dead when the queue is closed gets a last chance, and no more time than there is.
func TestCloseIsBounded(t *testing.T) {
	c := &carrier{answer: func(context.Context, delivery.Batch[delivery.Line]) error { return errors.New("down") }}
	inBubble(t, c, func(l *delivery.Lines, got *tally) {
		send(l, "a", "b", "c", "d")
		rest(time.Minute)
		before, began := len(c.batches), time.Now()
		if err := l.Close(2 * time.Second); err == nil {
			t.Error("no error")
		}
		synctest.Wait()
		if d := time.Since(began); d != 2*time.Second || len(c.batches) == before {
			t.Errorf("took %s, %d attempts", d, len(c.batches)-before)
		}
		if got.lost[delivery.Ended] != 4 || got.sent != 0 {
			t.Errorf("%+v", got)
		}
	})
}

// A carrier that does not heed its context costs nothing that is counted twice.
func TestDeafCarrier(t *testing.T) {
	c := &carrier{answer: func(context.Context, delivery.Batch[delivery.Line]) error {
		time.Sleep(time.Hour)
		return nil
	}}
	inBubble(t, c, func(l *delivery.Lines, got *tally) {
		send(l, "a", "b")
		rest(time.Minute)
		_ = l.Close(time.Second)
		rest(2 * time.Hour)
		if got.sent != 0 || got.lost[delivery.Ended] != 2 {
			t.Errorf("%+v", got)
		}
	})
}

// Many send while the receiver fails, refuses and works as it likes: each line is reported once, and those that
// were reported as sent are those that the receiver has.
func TestEveryLineIsCountedOnce(t *testing.T) {
	const senders, each = 8, 5000
	has, n := map[string]bool{}, 0
	c := &carrier{answer: func(_ context.Context, b delivery.Batch[delivery.Line]) error {
		switch n++; n % 7 {
		case 1, 2:
			return errors.New("down")
		case 3:
			return &delivery.Refusal{Why: delivery.Refused, Err: errors.New("400")}
		case 4:
			return delivery.ErrTooLarge
		}
		for _, l := range b.Items {
			has[string(l.Text)] = true
		}
		return nil
	}}
	got := &tally{lost: map[string]int{}}
	l := delivery.NewLines(c, got, delivery.Options{
		Limit: 32 << 10, BatchBytes: 4 << 10, BatchItems: 100, Every: time.Millisecond, Timeout: time.Second,
		FirstRetry: time.Microsecond, LastRetry: time.Millisecond,
	})
	var wait sync.WaitGroup
	for s := range senders {
		wait.Go(func() {
			for i := range each {
				send(l, fmt.Sprintf(`{"sender":%d,"line":%d}`, s, i))
			}
		})
	}
	wait.Wait()
	_ = l.Close(time.Minute)
	if got.told() != senders*each {
		t.Errorf("%d of %d reported: %+v", got.told(), senders*each, got)
	}
	if len(has) != got.sent {
		t.Errorf("%d were sent, %d arrived", got.sent, len(has))
	}
}

func BenchmarkSend(b *testing.B) {
	l := delivery.NewLines(&carrier{answer: func(context.Context, delivery.Batch[delivery.Line]) error { return nil }},
		&tally{lost: map[string]int{}}, delivery.Options{
			Limit: 64 << 20, BatchBytes: 256 << 10, BatchItems: 1 << 20, Every: time.Second, Timeout: time.Second, FirstRetry: 1, LastRetry: 1,
		})
	defer l.Close(time.Second)
	line := []byte(strings.Repeat("x", 600))
	b.ReportAllocs()
	for b.Loop() {
		l.Send(kind, line)
	}
}
