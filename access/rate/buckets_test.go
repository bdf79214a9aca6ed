package rate

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// numbered is the key of one of many clients.
func numbered(n int) Key {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], uint64(n))
	digest := sha256.Sum256(b[:])
	return Key(digest[:16])
}

const hundredThousand = 100_000

func TestAHundredThousandClients(t *testing.T) {
	q := Quota{Units: 10, Period: time.Minute, Burst: 10}
	b, most := newBuckets(hundredThousand), q.span(q.Burst)
	for round, may := range []bool{true, false} { // each takes all it may have, and more
		for n := range hundredThousand {
			key := numbered(n)
			if _, ok := b.take(&key, 1, q.span(9-7*int64(round)), 0, most); ok != may {
				t.Fatalf("client %d, round %d: allowed: %v", n, round, ok)
			}
		}
	}
	owing, bytes := b.size(1)
	if owing != hundredThousand || bytes > Bytes(hundredThousand) || b.forgotten.Load() != 0 {
		t.Errorf("%d buckets in %d bytes of %d, %d forgotten", owing, bytes, Bytes(hundredThousand), b.forgotten.Load())
	}
	if bytes > 8<<20 {
		t.Errorf("%d bytes", bytes)
	}
	t.Logf("%d buckets in %d bytes", owing, bytes)
}

func TestNobodyGetsRidOfHisOwnBucket(t *testing.T) {
	q := Quota{Units: 10, Period: time.Minute, Burst: 10}
	b, most := newBuckets(10_000), q.span(q.Burst)
	attacker := numbered(-1)
	for range 10 {
		b.take(&attacker, 1, q.span(1), 0, most)
	}
	// Ten times as many others as there is room for, each with nine requests of the ten that it may have.
	for n := range hundredThousand {
		key := numbered(n)
		b.take(&key, 1, 9*q.span(1), 0, most)
	}
	if _, ok := b.take(&attacker, 1, q.span(1), 0, most); ok {
		t.Error("the bucket that owes most was forgotten")
	}
	if _, bytes := b.size(1); bytes > Bytes(10_000) {
		t.Errorf("%d bytes, of %d", bytes, Bytes(10_000))
	}
	if b.forgotten.Load() == 0 {
		t.Error("nothing was forgotten: this tests nothing")
	}
}

func TestBucketsThatAreFullAgainMakeRoom(t *testing.T) {
	q := Quota{Units: 10, Period: time.Second, Burst: 10}
	b, most, now := newBuckets(1000), q.span(q.Burst), int64(1)
	for n := range hundredThousand {
		key := numbered(n)
		if now += q.span(1) / 500; n%7 == 0 { // within a unit's time, half of them come
			b.take(&key, now, q.span(1), 0, most)
		}
	}
	if b.forgotten.Load() != 0 {
		t.Errorf("%d were forgotten that owed something", b.forgotten.Load())
	}
}

func TestConcurrentTakesAreExact(t *testing.T) {
	q := Quota{Units: 10, Period: time.Minute, Burst: 500}
	b, most := newBuckets(100), q.span(q.Burst)
	var passed atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			key := numbered(1)
			for range 400 {
				if _, ok := b.take(&key, 1, q.span(1), 0, most); ok {
					passed.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if passed.Load() != 500 {
		t.Errorf("%d have passed, not 500", passed.Load())
	}
}
