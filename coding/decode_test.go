package coding

import (
	"bytes"
	stdflate "compress/flate"
	stdgzip "compress/gzip"
	stdzlib "compress/zlib"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

var wide = Limits{Bytes: 64 << 20, Layers: 5}

// encoder is one way to produce a coding.
type encoder struct {
	name   string
	coding Coding
	open   func(io.Writer) io.WriteCloser
}

var encoders = []encoder{
	{"gzip", Gzip, func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }},
	{"gzip std", Gzip, func(w io.Writer) io.WriteCloser {
		z, _ := stdgzip.NewWriterLevel(w, 9)
		z.Name, z.Comment, z.Extra = "body.json", "c", []byte("extra")
		return z
	}},
	{"gzip stored", Gzip, func(w io.Writer) io.WriteCloser { return must(gzip.NewWriterLevel(w, 0)) }},
	{"gzip huffman", Gzip, func(w io.Writer) io.WriteCloser { return must(gzip.NewWriterLevel(w, gzip.HuffmanOnly)) }},
	{"zlib", Deflate, func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) }},
	{"zlib std 1", Deflate, func(w io.Writer) io.WriteCloser { return must(stdzlib.NewWriterLevel(w, 1)) }},
	{"zlib std 9", Deflate, func(w io.Writer) io.WriteCloser { return must(stdzlib.NewWriterLevel(w, 9)) }},
	{"zlib stored", Deflate, func(w io.Writer) io.WriteCloser { return must(stdzlib.NewWriterLevel(w, 0)) }},
	{"bare", Deflate, func(w io.Writer) io.WriteCloser { return must(flate.NewWriter(w, 5)) }},
	{"bare std", Deflate, func(w io.Writer) io.WriteCloser { return must(stdflate.NewWriter(w, 9)) }},
	{"bare stored", Deflate, func(w io.Writer) io.WriteCloser { return must(stdflate.NewWriter(w, 0)) }},
	{"br", Brotli, func(w io.Writer) io.WriteCloser { return brotli.NewWriter(w) }},
	{"br 1", Brotli, func(w io.Writer) io.WriteCloser { return brotli.NewWriterLevel(w, 1) }},
	{"br 11 24", Brotli, func(w io.Writer) io.WriteCloser {
		return brotli.NewWriterOptions(w, brotli.WriterOptions{Quality: 11, LGWin: 24})
	}},
	{"br 10", Brotli, func(w io.Writer) io.WriteCloser {
		return brotli.NewWriterOptions(w, brotli.WriterOptions{Quality: 5, LGWin: 10})
	}},
	{"zstd", Zstd, func(w io.Writer) io.WriteCloser { return must(zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))) }},
	{"zstd best", Zstd, func(w io.Writer) io.WriteCloser {
		return must(zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedBestCompression)))
	}},
	{"zstd 1 KiB", Zstd, func(w io.Writer) io.WriteCloser {
		return must(zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<10)))
	}},
	{"zstd one shot", Zstd, func(w io.Writer) io.WriteCloser { return &oneShot{w: w} }},
	{"zstd single segment", Zstd, func(w io.Writer) io.WriteCloser {
		return &oneShot{w: w, options: []zstd.EOption{zstd.WithSingleSegment(true)}}
	}},
	{"zstd no checksum", Zstd, func(w io.Writer) io.WriteCloser {
		return &oneShot{w: w, options: []zstd.EOption{zstd.WithEncoderCRC(false), zstd.WithZeroFrames(true)}}
	}},
}

// oneShot encodes everything when it is closed, so that the frame knows its size.
type oneShot struct {
	bytes.Buffer
	w       io.Writer
	options []zstd.EOption
}

func (o *oneShot) Close() error {
	e := must(zstd.NewWriter(nil, append(o.options, zstd.WithEncoderConcurrency(1))...))
	_, err := o.w.Write(e.EncodeAll(o.Bytes(), nil))
	return err
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func (e encoder) encode(body []byte) []byte {
	var b bytes.Buffer
	w := e.open(&b)
	must(w.Write(body))
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// encode uses the first encoder of a coding.
func encode(c Coding, body []byte) []byte {
	i := slices.IndexFunc(encoders, func(e encoder) bool { return e.coding == c })
	return encoders[i].encode(body)
}

// sample returns JSON of about n bytes that compresses as JSON does.
func sample(n int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	b.WriteString(`{"items":[`)
	for i := 0; b.Len() < n-2; i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":%d,"name":"customer %x","email":"user%d@example.org","active":%t,"balance":%.2f}`,
			i, r.Uint32(), r.IntN(1e6), r.IntN(2) == 0, r.Float64()*1e4)
	}
	b.WriteString("]}")
	return b.Bytes()
}

func random(n int) []byte {
	b := make([]byte, n)
	c := rand.NewChaCha8([32]byte{1})
	must(c.Read(b))
	return b
}

func TestRoundTrip(t *testing.T) {
	d := New()
	bodies := map[string][]byte{
		"nothing": {},
		"a byte":  {'a'},
		"1 KB":    sample(1000),
		"100 KB":  sample(100_000),
		"random":  random(300_000),
		"zeros":   make([]byte, 3_000_000),
		"6 MB":    bytes.Repeat(random(3_000_000), 2), // matches far apart
	}
	for _, e := range encoders {
		for name, body := range bodies {
			if len(body) > 1e6 && e.name == "br 11 24" {
				continue // slow to encode
			}
			t.Run(e.name+"/"+name, func(t *testing.T) {
				encoded := e.encode(body)
				before := bytes.Clone(encoded)
				got, err := d.Decode([]byte("before "), encoded, []Coding{e.coding}, wide)
				if err != nil || string(got) != "before "+string(body) {
					t.Fatalf("%d bytes became %d: %v", len(body), len(got)-7, err)
				}
				if !bytes.Equal(encoded, before) {
					t.Error("the input changed")
				}
				got, whole, err := d.DecodePrefix(nil, encoded, []Coding{e.coding}, wide)
				if err != nil || !whole || !bytes.Equal(got, body) {
					t.Errorf("as prefix: %d bytes became %d, whole %t: %v", len(body), len(got), whole, err)
				}
				exact := Limits{Bytes: len(body), Layers: 1}
				if got, err := d.Decode(nil, encoded, []Coding{e.coding}, exact); err != nil || len(got) != len(body) {
					t.Errorf("with the exact limit: %d bytes, %v", len(got), err)
				}
				if len(body) == 0 {
					return
				}
				exact.Bytes--
				got, err = d.Decode([]byte("x"), encoded, []Coding{e.coding}, exact)
				if string(got) != "x" || !errors.Is(err, ErrTooLarge) {
					t.Errorf("one byte beyond the limit: %d bytes, %v", len(got), err)
				}
				got, whole, err = d.DecodePrefix(nil, encoded, []Coding{e.coding}, exact)
				if err != nil || whole || !bytes.Equal(got, body[:len(body)-1]) {
					t.Errorf("one byte beyond the limit, as prefix: %d bytes, whole %t, %v", len(got), whole, err)
				}
			})
		}
	}
}

func TestNested(t *testing.T) {
	d := New()
	body := sample(5000)
	for _, codings := range [][]Coding{
		{},
		{Gzip, Gzip},
		{Gzip, Brotli},
		{Brotli, Gzip},
		{Deflate, Zstd},
		{Zstd, Deflate, Gzip},
		{Gzip, Deflate, Brotli, Zstd, Gzip},
	} {
		encoded := body
		for _, c := range codings {
			encoded = encode(c, encoded)
		}
		got, err := d.Decode(nil, encoded, codings, wide)
		if err != nil || !bytes.Equal(got, body) {
			t.Errorf("%v: %d bytes, %v", codings, len(got), err)
		}
		got, whole, err := d.DecodePrefix(nil, encoded[:len(encoded)/2], codings, wide)
		if err != nil || whole != (len(codings) == 0) || !bytes.HasPrefix(body, got) {
			t.Errorf("%v: prefix: %d bytes, whole %t, %v", codings, len(got), whole, err)
		}
		l := wide
		l.Layers = len(codings) - 1
		if _, err := d.Decode(nil, encoded, codings, l); len(codings) > 0 && !errors.Is(err, ErrLayers) {
			t.Errorf("%v: one layer too many: %v", codings, err)
		}
	}
	if _, err := d.Decode(nil, encode(Gzip, body), []Coding{Gzip, Gzip}, wide); !errors.Is(err, ErrCorrupt) {
		t.Errorf("encoded once, named twice: %v", err)
	}
}

func TestLimits(t *testing.T) {
	d := New()
	body := sample(1000)
	for _, tt := range []struct {
		name    string
		body    []byte
		codings []Coding
		limits  Limits
		want    error
	}{
		{"zero value", encode(Gzip, body), []Coding{Gzip}, Limits{}, ErrLayers},
		{"no bytes", encode(Gzip, body), []Coding{Gzip}, Limits{Layers: 1}, ErrTooLarge},
		{"negative", encode(Gzip, body), []Coding{Gzip}, Limits{Bytes: -1, Ratio: -1, Layers: 1}, ErrTooLarge},
		{"negative layers", nil, nil, Limits{Layers: -1}, nil},
		{"largest", encode(Gzip, body), []Coding{Gzip}, Limits{math.MaxInt, math.MaxInt, math.MaxInt}, nil},
		{"largest zstd", encode(Zstd, body), []Coding{Zstd}, Limits{math.MaxInt, math.MaxInt, math.MaxInt}, nil},
		{"plain", body, nil, Limits{Bytes: len(body)}, nil},
		{"plain, too large", body, nil, Limits{Bytes: len(body) - 1}, ErrTooLarge},
		{"no coding", body, []Coding{0}, wide, ErrUnknown},
		{"coding of another version", body, []Coding{99}, wide, ErrUnknown},
		{"intermediate layer", encode(Gzip, encode(Gzip, body)), []Coding{Gzip, Gzip}, Limits{Bytes: 50, Layers: 2}, ErrTooLarge},
		{"short and repetitive", encode(Brotli, make([]byte, ratioFrom)), []Coding{Brotli}, Limits{1 << 20, 100, 1}, nil},
		{"a little longer", encode(Brotli, make([]byte, ratioFrom+1)), []Coding{Brotli}, Limits{1 << 20, 100, 1}, ErrRatio},
		{"smaller limit wins", encode(Brotli, make([]byte, ratioFrom+1)), []Coding{Brotli}, Limits{ratioFrom, 100, 1}, ErrTooLarge},
	} {
		_, err := d.Decode([]byte("before"), tt.body, tt.codings, tt.limits)
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
	if got, whole, err := d.DecodePrefix(nil, body, nil, Limits{Bytes: 10}); string(got) != string(body[:10]) || whole || err != nil {
		t.Errorf("prefix of a plain body: %q, %t, %v", got, whole, err)
	}
}

// TestRatioOverLayers compresses a bomb until each layer looks harmless.
func TestRatioOverLayers(t *testing.T) {
	encoded := encode(Gzip, encode(Gzip, make([]byte, 10<<20)))
	_, err := New().Decode(nil, encoded, []Coding{Gzip, Gzip}, Limits{64 << 20, 1100, 2})
	if !errors.Is(err, ErrRatio) {
		t.Errorf("%d bytes: %v", len(encoded), err)
	}
}

// allocated returns the bytes that f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestBombs(t *testing.T) {
	zeros := make([]byte, 10<<20)
	for _, tt := range []struct {
		coding Coding
		own    uint64 // bytes that a new decoder takes, see the package's documentation
	}{{Gzip, 100 << 10}, {Deflate, 100 << 10}, {Brotli, 17 << 20}, {Zstd, 2 << 20}} {
		encoded := encode(tt.coding, zeros)
		for _, l := range []struct {
			limits Limits
			output uint64
			want   error
		}{
			{Limits{Bytes: 1 << 20, Layers: 1}, 1 << 20, ErrTooLarge},
			{Limits{Bytes: 64 << 20, Ratio: 100, Layers: 1}, max(64<<10, 100*uint64(len(encoded))), ErrRatio},
		} {
			var err error
			got := allocated(func() { _, err = New().Decode(nil, encoded, []Coding{tt.coding}, l.limits) })
			if !errors.Is(err, l.want) {
				t.Errorf("%v: %v, want %v", tt.coding, err, l.want)
			}
			// Growing leaves smaller slices behind, together not more than the last one, which may be
			// twice the output. The race detector makes it more.
			if most := tt.own + 4*l.output; got > most {
				t.Errorf("%v, %v: %d bytes became %d bytes of memory, want %d at most", tt.coding, l.want, len(encoded), got, most)
			}
			t.Logf("%v: %d bytes encoded, %v, allocated %d KiB", tt.coding, len(encoded), err, got>>10)
		}
	}
}

// TestDeclaredSizes sends headers that promise much, with nothing behind.
func TestDeclaredSizes(t *testing.T) {
	d := New()
	for name, tt := range map[string]struct {
		coding  Coding
		encoded string
		most    uint64
	}{
		"zstd window 8 MiB":                {Zstd, zstdMagic + "\x00\x68" + "\x0d\x00\x00" + "a", 1 << 20},
		"zstd window and size 8 MiB":       {Zstd, zstdMagic + "\x80\x68" + "\x00\x00\x80\x00" + "\x0d\x00\x00" + "a", 1 << 20},
		"zstd single segment 8 MiB":        {Zstd, zstdMagic + "\xa0" + "\x00\x00\x80\x00" + "\x0d\x00\x00" + "a", 1 << 20},
		"zstd single segment and block":    {Zstd, zstdMagic + "\xa0" + "\x00\x00\x80\x00" + "\x04\x00\x10", 1 << 20},
		"zstd size 2^62":                   {Zstd, zstdMagic + "\xc0\x68" + "\x00\x00\x00\x00\x00\x00\x00\x40" + "\x03\x00\x00" + "a", 1 << 20},
		"zstd skippable 4 GiB":             {Zstd, "\x50\x2a\x4d\x18\xff\xff\xff\xff", 1 << 20},
		"gzip extra 64 KiB":                {Gzip, "\x1f\x8b\x08\x04\x00\x00\x00\x00\x00\x03\xff\xff", 100 << 10},
		"deflate stored 64 KiB":            {Deflate, "\x01\xff\xff\x00\x00", 100 << 10},
		"br window and block of 16 MiB":    {Brotli, "\x0f\xfc\xff\xff\x7f" + strings.Repeat("\x55", 20), 17 << 20},
		"br large window":                  {Brotli, "\x11\x1e\xff\xff\xff\xff\xff\xff", 1 << 20},
		"br large window, all header bits": {Brotli, "\x91\x3e\xff\xff\xff\xff\xff\xff", 1 << 20},
	} {
		var err error
		got := allocated(func() { _, err = d.Decode(nil, []byte(tt.encoded), []Coding{tt.coding}, wide) })
		if !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
		if got > tt.most {
			t.Errorf("%s: %d bytes allocated, want %d at most", name, got, tt.most)
		}
	}
}

func TestEmptyAndGarbage(t *testing.T) {
	d := New()
	for c := Gzip; c <= Zstd; c++ {
		for _, encoded := range [][]byte{nil, {}} {
			got, whole, err := d.DecodePrefix([]byte("x"), encoded, []Coding{c}, Limits{Layers: 1})
			if string(got) != "x" || !whole || err != nil {
				t.Errorf("%v: no bytes: %q, %t, %v", c, got, whole, err)
			}
		}
		for _, garbage := range []string{"{\"a\":1}", "a=1&b=2", strings.Repeat("\xff", 20)} {
			if got, err := d.Decode([]byte("x"), []byte(garbage), []Coding{c}, wide); string(got) != "x" || !errors.Is(err, ErrCorrupt) {
				t.Errorf("%v: %q: %q, %v", c, garbage, got, err)
			}
			if c == Deflate || c == Brotli {
				continue // anything short may be the beginning of something
			}
			if got, _, err := d.DecodePrefix([]byte("x"), []byte(garbage), []Coding{c}, wide); string(got) != "x" || !errors.Is(err, ErrCorrupt) {
				t.Errorf("%v: prefix %q: %q, %v", c, garbage, got, err)
			}
		}
	}
	for _, e := range encoders {
		for _, after := range []string{"\x00", "x", "\r\n", strings.Repeat("\x00", 40_000)} {
			for _, size := range []int{10, 40_000} { // in one and in several reads of the input
				encoded := append(e.encode(random(size)), after...)
				if _, err := d.Decode(nil, encoded, []Coding{e.coding}, wide); !errors.Is(err, ErrCorrupt) {
					t.Errorf("%s: %d bytes and %d after: %v", e.name, size, len(after), err)
				}
			}
		}
	}
}

func TestTruncations(t *testing.T) {
	d := New()
	for _, e := range encoders {
		body := sample(700)
		encoded := e.encode(body)
		longest := 0
		for n := 1; n < len(encoded); n++ {
			cut := encoded[:n:n]
			if got, err := d.Decode([]byte("x"), cut, []Coding{e.coding}, wide); string(got) != "x" || !errors.Is(err, ErrCorrupt) {
				t.Fatalf("%s: %d of %d bytes: %q, %v", e.name, n, len(encoded), got, err)
			}
			got, whole, err := d.DecodePrefix(nil, cut, []Coding{e.coding}, wide)
			if err != nil || whole || !bytes.HasPrefix(body, got) {
				t.Fatalf("%s: %d of %d bytes as prefix: %q, whole %t, %v", e.name, n, len(encoded), got, whole, err)
			}
			longest = max(longest, len(got))
		}
		if e.coding != Zstd && longest < len(body)*9/10 {
			t.Errorf("%s: of %d bytes, prefixes lead to %d at most", e.name, len(body), longest)
		}
	}
}

// TestCorruption changes each byte to several others. What carries a checksum must be refused, unless
// the byte means nothing (such as a time stamp).
func TestCorruption(t *testing.T) {
	d, fresh := New(), 0
	for _, e := range encoders {
		body := sample(400)
		encoded := e.encode(body)
		checked := e.coding == Gzip || strings.HasPrefix(e.name, "zlib") || e.coding == Zstd && e.name != "zstd no checksum"
		for i := range encoded {
			for _, x := range []byte{0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xff} {
				broken := bytes.Clone(encoded)
				broken[i] ^= x
				got, err := d.Decode(nil, broken, []Coding{e.coding}, Limits{Bytes: 1 << 20, Layers: 1})
				switch {
				case err == nil && checked && !bytes.Equal(got, body):
					t.Errorf("%s: byte %d changed with %#x: other content, no error", e.name, i, x)
				case err != nil && !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrTooLarge):
					t.Errorf("%s: byte %d changed with %#x: %v", e.name, i, x, err)
				}
				if fresh++; fresh%50 == 0 {
					again, err2 := New().Decode(nil, broken, []Coding{e.coding}, Limits{Bytes: 1 << 20, Layers: 1})
					if !bytes.Equal(got, again) || fmt.Sprint(err) != fmt.Sprint(err2) {
						t.Errorf("%s: byte %d changed with %#x: a new decoder differs: %v, %v", e.name, i, x, err, err2)
					}
				}
			}
		}
	}
}

// TestManySmallParts sends streams whose parts are empty: the work has to stay in proportion.
func TestManySmallParts(t *testing.T) {
	d := New()
	for name, tt := range map[string]struct {
		coding Coding
		part   []byte
		last   string
	}{
		"gzip members":    {Gzip, encode(Gzip, nil), ""},
		"deflate blocks":  {Deflate, []byte("\x00\x00\x00\xff\xff"), "\x01\x00\x00\xff\xff"},
		"zstd frames":     {Zstd, []byte(zstdMagic + "\x00\x68\x01\x00\x00"), ""},
		"zstd skippables": {Zstd, []byte("\x50\x2a\x4d\x18\x00\x00\x00\x00"), ""},
	} {
		encoded := append(bytes.Repeat(tt.part, (1<<20)/len(tt.part)), tt.last...)
		got := allocated(func() {
			if out, err := d.Decode(nil, encoded, []Coding{tt.coding}, wide); err != nil || len(out) > 0 {
				t.Errorf("%s: %d bytes, %v", name, len(out), err)
			}
		})
		// The first slice for the output is 1 MiB.
		if got > 4<<20 {
			t.Errorf("%s: %d bytes allocated", name, got)
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	d := New()
	before := runtime.NumGoroutine()
	var group sync.WaitGroup
	for range 8 {
		for _, e := range encoders {
			body := sample(20_000)
			encoded := e.encode(body)
			group.Go(func() {
				for range 5 {
					if got, err := d.Decode(nil, encoded, []Coding{e.coding}, wide); err != nil || !bytes.Equal(got, body) {
						t.Errorf("%s: %d bytes, %v", e.name, len(got), err)
					}
					if _, err := d.Decode(nil, encoded[:len(encoded)/2], []Coding{e.coding}, wide); !errors.Is(err, ErrCorrupt) {
						t.Errorf("%s: half of it: %v", e.name, err)
					}
				}
			})
		}
	}
	group.Wait()
	if len(d.slots) != 0 {
		t.Errorf("%d slots are taken", len(d.slots))
	}
	// Encoders may have goroutines of their own, which end when they get to it, but the number must
	// not grow with the bodies.
	for limit := time.Now().Add(time.Minute); runtime.NumGoroutine() > before+2; runtime.Gosched() {
		if time.Now().After(limit) {
			t.Fatalf("%d goroutines before, %d after", before, runtime.NumGoroutine())
		}
	}
}
