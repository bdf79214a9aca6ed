// Package https brings events to a receiver by HTTPS: each batch is the body of a POST, one event a line or a JSON
// array, compressed. An answer of 2xx says that the receiver has the batch.
package https

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"strconv"

	"github.com/klauspost/compress/gzip"
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
	o    Options
	http *remote.HTTP
	// process makes the numbers of batches those of no other process.
	process string
	fields  []remote.Field
	made    uint64 // the number of the batch that body is of
	body    bytes.Buffer
	gzip    *gzip.Writer
}

// keepBytes bounds the buffer that is kept for the next batch.
const keepBytes = 1 << 20

// New makes a Carrier.
func New(o Options) *Carrier {
	var id [8]byte
	_, _ = rand.Read(id[:]) // it never fails
	c := &Carrier{o: o, http: remote.NewHTTP(o.Remote), process: hex.EncodeToString(id[:])}
	kind := "application/x-ndjson"
	if o.Array {
		kind = "application/json"
	}
	c.fields = []remote.Field{{Name: "Content-Type", Value: kind}, {Name: "User-Agent", Value: "wafer"}}
	if !o.Plain {
		c.fields = append(c.fields, remote.Field{Name: "Content-Encoding", Value: "gzip"})
		c.gzip, _ = gzip.NewWriterLevel(&c.body, gzip.BestSpeed) // the level exists
	}
	return c
}

// Carry implements delivery.Carrier.
func (c *Carrier) Carry(ctx context.Context, batch delivery.Batch[delivery.Line]) error {
	if c.made != batch.Number {
		if err := c.encode(batch.Items); err != nil {
			return err
		}
		c.made = batch.Number
	}
	// A receiver that gets a batch again, because its answer was lost, can tell by this.
	key := remote.Field{Name: "Idempotency-Key", Value: c.process + "-" + strconv.FormatUint(batch.Number, 10)}
	_, err := c.http.Post(ctx, c.o.URL, c.body.Bytes(), append(c.fields[:len(c.fields):len(c.fields)], key)...)
	var unread *remote.UnreadError
	if errors.As(err, &unread) {
		return nil // it has the batch: nothing else that it says matters
	}
	return err
}

func (c *Carrier) encode(lines []delivery.Line) error {
	if c.made = 0; c.body.Cap() > keepBytes {
		c.body = bytes.Buffer{}
	}
	c.body.Reset()
	if c.gzip == nil {
		return c.write(&c.body, lines)
	}
	c.gzip.Reset(&c.body)
	if err := c.write(c.gzip, lines); err != nil {
		return err
	}
	return c.gzip.Close()
}

// write joins lines.
func (c *Carrier) write(to io.Writer, lines []delivery.Line) error {
	first, between, last := "", "\n", "\n"
	if c.o.Array {
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
