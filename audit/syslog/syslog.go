package syslog

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/wafer-waf/wafer/delivery"
	"github.com/wafer-waf/wafer/delivery/remote"
)

// Options say where messages go, and what they have in common.
type Options struct {
	Network  string // tcp, tcp+tls or udp
	Address  string
	Facility int    // 16: local0
	App      string // APP-NAME
	Remote   *remote.Remote
}

// Carrier carries batches of lines.
type Carrier struct {
	o       Options
	header  header
	conn    *connection // nil: there is none
	made    uint64      // the number of the batch that body is of
	body    []byte
	scratch []byte
}

const (
	keepBytes     = 1 << 20 // of the buffer that is kept for the next batch
	datagramBytes = 65507   // that fit into one datagram of IPv4
)

// New makes a Carrier.
func New(o Options) *Carrier {
	return &Carrier{o: o, header: newHeader(o.Facility, o.App)}
}

// Carry implements delivery.Carrier.
func (c *Carrier) Carry(ctx context.Context, batch delivery.Batch[delivery.Line]) error {
	reconnect, err := c.o.Remote.Refresh()
	if err != nil {
		return err
	}
	if reconnect {
		c.Close()
	}
	if c.conn == nil {
		if c.conn, err = connect(ctx, &c.o); err != nil {
			return err
		}
	}
	if c.o.Network == "udp" {
		err = c.datagrams(ctx, batch.Items)
	} else {
		err = c.stream(ctx, batch)
	}
	var refused *delivery.Refusal
	if err != nil && !errors.As(err, &refused) {
		c.Close() // of what is behind a message that was cut nobody could make sense
	}
	return err
}

// stream sends a batch on a connection of TCP, and waits until it has arrived.
func (c *Carrier) stream(ctx context.Context, batch delivery.Batch[delivery.Line]) error {
	if c.made != batch.Number {
		if cap(c.body) > keepBytes {
			c.body = nil
		}
		c.body = c.body[:0]
		for i := range batch.Items {
			c.body, c.scratch = c.header.frame(c.body, c.scratch, &batch.Items[i])
		}
		c.made = batch.Number
	}
	return c.conn.send(ctx, c.body)
}

// datagrams sends each line by itself. What is too long for one is lost.
func (c *Carrier) datagrams(ctx context.Context, lines []delivery.Line) error {
	defer c.conn.until(ctx)() // a system that gets rid of nothing takes no more
	long := 0
	for i := range lines {
		c.scratch = c.header.append(c.scratch[:0], &lines[i])
		if len(c.scratch) > datagramBytes {
			long++
			continue
		}
		if _, err := c.conn.Write(c.scratch); err != nil {
			return err
		}
	}
	if long > 0 {
		return &delivery.Refusal{Items: long, Why: delivery.TooLong, Err: fmt.Errorf("%d events are longer than the %d bytes of a datagram", long, datagramBytes)}
	}
	return nil
}

// Close implements delivery.Carrier.
func (c *Carrier) Close() {
	if c.conn != nil {
		c.conn.close()
		c.conn = nil
	}
}

// connect makes a connection to the server.
func connect(ctx context.Context, o *Options) (*connection, error) {
	network := "tcp"
	if o.Network == "udp" {
		network = o.Network
	}
	raw, err := (&net.Dialer{KeepAlive: 15 * time.Second}).DialContext(ctx, network, o.Address)
	if err != nil {
		return nil, err
	}
	c := &connection{Conn: raw, raw: raw}
	if o.Network == "tcp+tls" {
		if err := c.secure(ctx, o); err != nil {
			_ = raw.Close()
			return nil, err
		}
	}
	if network == "tcp" {
		c.watch()
	}
	return c, nil
}
