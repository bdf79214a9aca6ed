package http2

import "github.com/wafer-waf/wafer/listen"

// headers begins a head, or trailers.
func (in *inbound) headers(c *conn, f frame) error {
	before := 0
	if f.has(flagPadded) {
		before++
	}
	if f.has(flagPriority) {
		before += len(block{}.priority)
	}
	if f.stream == 0 || f.length < before || f.length > maxFrame {
		in.forward(f, forRest) // the server knows what is wrong
		return nil
	}
	if err := in.need(c, headBytes+before); err != nil {
		return err
	}
	b := &block{frame: f, last: f.has(flagEndHeaders)}
	fixed := in.buf[in.r+headBytes : in.r+headBytes+before]
	if f.has(flagPadded) {
		b.padding, fixed = int(fixed[0]), fixed[1:]
	}
	b.prioBytes = copy(b.priority[:], fixed)
	if b.left = f.length - before - b.padding; b.left < 0 {
		in.misplaced(f.stream)
		return nil
	}
	in.skip(headBytes + before)
	in.head = b
	in.list = fieldList{fields: in.list.fields[:0], limit: listBytes(&c.server.o)}
	return in.more(c)
}

// misplaced has the server end the connection.
func (in *inbound) misplaced(stream uint32) {
	in.head, in.told = nil, forNothing
	in.ready = appendMisplaced(in.ready[:0], stream)
}

// continued goes on with a head.
func (in *inbound) continued(c *conn, f frame) error {
	b := in.head
	if f.kind != frameContinuation || f.stream != b.stream || f.length > maxFrame {
		in.misplaced(b.stream)
		return nil
	}
	b.frames++
	if b.frames > maxContinuations || f.length == 0 && !c.controls.spend(c.Sock.Now()) {
		return in.abuse(c, continuations)
	}
	in.skip(headBytes)
	b.left, b.last = f.length, f.has(flagEndHeaders)
	return in.more(c)
}

// more decodes what there is of a head, and waits for more if it is not the end.
func (in *inbound) more(c *conn) error {
	b := in.head
	if b.left+b.padding > 0 && in.r == in.n {
		if err := in.fill(c); err != nil {
			return err
		}
	}
	n := min(b.left, in.n-in.r)
	if b.encoded += n; b.encoded > 2*listBytes(&c.server.o) {
		return in.abuse(c, headSize)
	}
	if _, err := in.decoder.Write(in.buf[in.r : in.r+n]); err != nil {
		b.fault = true
	}
	in.skip(n)
	if b.left -= n; b.left == 0 {
		n = min(b.padding, in.n-in.r)
		b.padding -= n
		in.skip(n)
	}
	if b.fault || b.last && b.left+b.padding == 0 {
		in.finish(c)
	}
	return nil
}

// finish has the server get what stands for a head, or for trailers.
func (in *inbound) finish(c *conn) {
	b := in.head
	in.head, in.told = nil, forNothing
	if err := in.decoder.Close(); err != nil || b.fault {
		in.ready = appendUndecodable(in.ready[:0], b.stream)
		return
	}
	if b.stream > in.highest.Load() {
		in.highest.Store(b.stream)
		in.arrive(c, b)
	} else {
		in.trail(c, b)
	}
}

// arrive makes a request of a head.
func (in *inbound) arrive(c *conn, b *block) {
	st := &stream{conn: c, id: b.stream, head: listBytes(&c.server.o) - in.list.limit}
	var v *listen.Violation
	if st.request, v = in.reader.request(&in.list, b.has(flagEndStream)); v != nil && isMalformed(v) {
		in.malformed(c, st, b, v)
		return
	}
	length := int64(st.request.Body.Length)
	if st.refused = v; v != nil {
		length, st.request.Body.Length = -1, -1
	}
	st.ends()
	c.open(st)
	in.ready = appendHead(in.ready[:0], b.frame, b.priority[:b.prioBytes], st.request.Method, length)
}

// malformed has the server reset the stream of what is no request, and tells of it.
func (in *inbound) malformed(c *conn, st *stream, b *block, why *listen.Violation) {
	in.ready = appendMalformed(in.ready[:0], b.frame, b.priority[:b.prioBytes])
	if c.resets.spend(1) {
		c.report(st, why)
	} else {
		c.end(resets)
	}
}

// trail takes trailers. The server gets the end of the body instead.
func (in *inbound) trail(c *conn, b *block) {
	st := c.stream(b.stream)
	f := frame{kind: frameHeaders, flags: b.flags&flagEndStream | flagEndHeaders, stream: b.stream}
	in.ready = f.append(in.ready[:0]) // without a stream, or without an end, the server knows what is wrong
	if st == nil || !b.has(flagEndStream) {
		return
	}
	fields, v := in.reader.trailers(&in.list)
	if v == nil && int64(st.request.Body.Length) >= 0 && st.got != int64(st.request.Body.Length) {
		v = bodyLength
	}
	if v != nil {
		st.broken.CompareAndSwap(nil, v)
		in.ready = appendMalformed(in.ready[:0], f, nil)
		return
	}
	st.trailers = fields
}
