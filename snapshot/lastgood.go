package snapshot

import (
	"context"
	"crypto/sha256"
	"iter"
	"time"

	"github.com/wafer-waf/wafer/config"
)

// LastGood keeps configurations that were in force, here or elsewhere.
type LastGood interface {
	// Keep keeps one that has come into force. It is called by one goroutine at a time.
	Keep(*config.Bundle)
	// Kept yields those there are, the best first, each with where it is from.
	Kept(context.Context) iter.Seq2[string, *config.Bundle]
}

// Load builds the first snapshot, which takes seconds. Without one there is nothing to serve, so its
// error is final. A keeper with a last good configuration serves that one instead; if there is none either, it
// waits until the files are good, or one turns up, or ctx ends.
func (k *Keeper[R]) Load(ctx context.Context) error {
	_, err := k.reload("start")
	if err == nil || k.LastGood == nil {
		return err
	}
	k.Log.Error().Err(err).Msg("configuration refused at the start, looking for the last good one")
	tried := map[[sha256.Size]byte]bool{} // what the files lack is the same until they change
	for waiting := false; !k.fallBack(ctx, err, tried); waiting = true {
		if !waiting {
			k.Log.Error().Msg("no last good configuration, waiting for one or for better files")
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(againAfter):
		}
		if !k.Source.Changed() {
			continue
		}
		clear(tried)
		if _, err = k.reload("file"); err == nil {
			return nil
		}
		k.Log.Error().Err(err).Msg("configuration refused again")
	}
	return nil
}

// againAfter is how long Load waits until it looks again.
const againAfter = 5 * time.Second

// fallBack puts a configuration in force that was good once, if it still is: it has to pass all that files have to.
// Refused is why the files are not in force. Those that were tried already are left out.
func (k *Keeper[R]) fallBack(ctx context.Context, refused error, tried map[[sha256.Size]byte]bool) bool {
	k.building.Lock()
	defer k.building.Unlock()
	for from, bundle := range k.LastGood.Kept(ctx) {
		data, err := bundle.Encode()
		sum := sha256.Sum256(data)
		if err != nil || tried[sum] {
			continue
		}
		tried[sum] = true
		began := time.Now()
		k.stage.Store(stageLastGood)
		c, err := k.Source.LoadBundle(bundle)
		if err = Complete(c, err); err == nil {
			var s *Snapshot[R]
			if s, err = k.Builder.Build(c, k.Metrics); err == nil {
				s.lastGood = from
				k.swap(s, "last good", bundle, refused, began)
				k.Log.Error().Str("from", from).Str("digest", s.digest).AnErr("refused", refused).
					Msg("serving the last good configuration, since the files are refused")
				return true
			}
		}
		k.Log.Warn().Err(err).Str("from", from).Msg("a configuration that was good is refused here")
	}
	k.stage.Store(k.Standing().String())
	return false
}
