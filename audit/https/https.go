// Package https brings events to a receiver by HTTPS: each batch is the body of a POST, one event a line or a JSON
// array, compressed. An answer of 2xx says that the receiver has the batch.
package https

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"strconv"

	"github.com/wafer-waf/wafer/delivery"
	"github.com/wafer-waf/wafer/delivery/remote"
)

// Options say where events go, and how.
type Options struct {
	URL    string
	Array  bool // a JSON array instead of lines
	Plain  bool // not compressed
	Remote *remote.Remote
}

// Carrier carries batches of lines.
type Carrier struct {
	array bool
	http  *remote.HTTP
	// process makes the numbers of batches those of no other process.
	process string
	made    uint64 // the number of the batch that the body is of
}

// New makes a Carrier.
func New(o Options) *Carrier {
	var id [8]byte
	_, _ = rand.Read(id[:]) // it never fails
	kind := "application/x-ndjson"
	if o.Array {
		kind = "application/json"
	}
	return &Carrier{array: o.Array, http: remote.NewHTTP(o.Remote, o.URL, kind, o.Plain), process: hex.EncodeToString(id[:])}
}

// Carry implements delivery.Carrier.
func (c *Carrier) Carry(ctx context.Context, batch delivery.Batch[delivery.Line]) error {
	if c.made != batch.Number {
		c.made = 0
		if err := c.http.Make(func(body io.Writer) error { return c.write(body, batch.Items) }); err != nil {
			return err
		}
		c.made = batch.Number
	}
	// A receiver that gets a batch again, because its answer was lost, can tell by this.
	key := remote.Field{Name: "Idempotency-Key", Value: c.process + "-" + strconv.FormatUint(batch.Number, 10)}
	_, err := c.http.Post(ctx, key)
	var unread *remote.UnreadError
	if errors.As(err, &unread) {
		return nil // it has the batch: nothing else that it says matters
	}
	return err
}

// write joins lines.
func (c *Carrier) write(to io.Writer, lines []delivery.Line) error {
	first, between, last := "", "\n", "\n"
	if c.array {
		first, between, last = "[", ",\n", "]"
	}
	separator := first
	for _, l := range lines {
		if _, err := to.Write([]byte(separator)); err != nil {
			return err
		}
		if _, err := to.Write(l.Text); err != nil {
			return err
		}
		separator = between
	}
	_, err := to.Write([]byte(last))
	return err
}

// Close implements delivery.Carrier.
func (c *Carrier) Close() { c.http.Close() }
