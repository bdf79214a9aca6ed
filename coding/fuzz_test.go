package coding

import (
	"bytes"
	stdflate "compress/flate"
	stdgzip "compress/gzip"
	stdzlib "compress/zlib"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

var fuzzLimits = Limits{Bytes: 1 << 20, Ratio: 1000, Layers: 2}

func addSeeds(f *testing.F) {
	for _, e := range encoders {
		for _, body := range [][]byte{{}, []byte("hello"), sample(300), make([]byte, 100_000)} {
			f.Add(byte(e.coding), e.encode(body))
		}
	}
	f.Add(byte(Deflate), polyglot())
	f.Add(byte(Zstd), []byte("\x50\x2a\x4d\x18\x01\x00\x00\x00x"+zstdMagic+"\x20\x02\x11\x00\x00ab"))
	f.Add(byte(Gzip), append(encode(Gzip, []byte("a")), encode(Gzip, []byte("b"))...))
}

// reference decodes up to max bytes with another decoder of the coding, or the same one used
// differently.
func reference(c Coding, encoded []byte, most int64) ([]byte, error) {
	var r io.Reader
	var err error
	switch c {
	case Gzip:
		r, err = stdgzip.NewReader(bytes.NewReader(encoded))
	case Deflate:
		src := bytes.NewReader(encoded)
		if r, err = stdzlib.NewReader(src); err != nil {
			src.Reset(encoded)
			r = stdflate.NewReader(src)
		}
		got, err := io.ReadAll(io.LimitReader(r, most))
		if err == nil && src.Len() > 0 {
			err = errTrailing
		}
		return got, err
	case Brotli:
		r = brotli.NewReader(iotest.OneByteReader(bytes.NewReader(encoded)))
	case Zstd:
		z, err := zstd.NewReader(bytes.NewReader(encoded), zstd.WithDecoderConcurrency(1),
			zstd.WithDecoderMaxWindow(zstdMaxWindow), zstd.WithDecoderMaxMemory(64<<20))
		if err != nil {
			return nil, err
		}
		defer z.Close()
		return io.ReadAll(io.LimitReader(z, most))
	}
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(r, most))
}

func FuzzDecode(f *testing.F) {
	addSeeds(f)
	shared := New()
	f.Fuzz(func(t *testing.T, coding byte, encoded []byte) {
		c := Coding(coding%4) + Gzip
		got, err := shared.Decode(nil, encoded, []Coding{c}, fuzzLimits)
		limit, excess := fuzzLimits.output(len(encoded))
		if len(got) > limit {
			t.Fatalf("%v: %d bytes, %d allowed", c, len(got), limit)
		}
		if err != nil && (got != nil || !errors.Is(err, ErrCorrupt) && !errors.Is(err, excess)) {
			t.Fatalf("%v: %d bytes, %v", c, len(got), err)
		}
		again, err2 := New().Decode(nil, encoded, []Coding{c}, fuzzLimits)
		if !bytes.Equal(got, again) || (err == nil) != (err2 == nil) {
			t.Fatalf("%v: a new decoder differs: %d, %d bytes, %v, %v", c, len(got), len(again), err, err2)
		}
		if len(encoded) == 0 {
			return
		}
		want, wantErr := reference(c, encoded, int64(limit)+1)
		switch {
		case err == nil && wantErr == nil:
			if !bytes.Equal(got, want) {
				t.Fatalf("%v: %d bytes, reference %d", c, len(got), len(want))
			}
		case err == nil:
			// Long names are the one thing that the standard library refuses and this package takes.
			if c != Gzip || !errors.Is(wantErr, stdgzip.ErrHeader) || len(encoded) < 512 {
				t.Fatalf("%v: %d bytes, reference: %v", c, len(got), wantErr)
			}
		case wantErr == nil && errors.Is(err, excess):
			if len(want) <= limit {
				t.Fatalf("%v: %v, reference has %d bytes", c, err, len(want))
			}
		case wantErr == nil && len(want) <= limit:
			reserved := c == Gzip && errors.Is(err, errHeader)
			ambiguous := c == Deflate && zlibMethod(encoded[0]) && encoded[0]&6 == 0
			if !reserved && !ambiguous && !(c == Zstd && errors.Is(err, errWindow)) {
				t.Fatalf("%v: %v, reference takes it: %d bytes", c, err, len(want))
			}
		}
	})
}

func FuzzPrefix(f *testing.F) {
	addSeeds(f)
	d := New()
	f.Fuzz(func(t *testing.T, coding byte, encoded []byte) {
		c := Coding(coding%4) + Gzip
		all, whole, err := d.DecodePrefix(nil, encoded, []Coding{c}, fuzzLimits)
		strict, strictErr := d.Decode(nil, encoded, []Coding{c}, fuzzLimits)
		if whole != (strictErr == nil) || whole && !bytes.Equal(all, strict) {
			t.Fatalf("%v: %d bytes, whole %t, %v, but strictly %d, %v", c, len(all), whole, err, len(strict), strictErr)
		}
		if err != nil {
			return
		}
		n := len(encoded) / 2
		// The ratio depends on the length, so it stays out of the comparison.
		l := fuzzLimits
		l.Ratio = 0
		part, _, err := d.DecodePrefix(nil, encoded[:n:n], []Coding{c}, l)
		if err != nil || !bytes.HasPrefix(all, part) && !bytes.HasPrefix(part, all) {
			t.Fatalf("%v: %d of %d bytes lead to %d, %v; all to %d", c, n, len(encoded), len(part), err, len(all))
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "gzip", "x-gzip , BR", "identity,,zstd", "deflate;q=1", "compress"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, field string) {
		codings, err := Parse(field)
		if (err != nil) != errors.Is(err, ErrUnknown) || err != nil && codings != nil {
			t.Fatalf("%v, %v", codings, err)
		}
		for _, c := range codings {
			if again, err := Parse(c.String()); err != nil || len(again) != 1 || again[0] != c {
				t.Fatalf("%v: %v, %v", c, again, err)
			}
		}
	})
}
