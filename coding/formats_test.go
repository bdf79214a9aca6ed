package coding

import (
	"bytes"
	stdflate "compress/flate"
	stdzlib "compress/zlib"
	"errors"
	"hash/adler32"
	"hash/crc32"
	"io"
	"strings"
	"testing"
)

func TestLargeWindowBrotli(t *testing.T) {
	// 0x11 announces the extension, 0x1e is a window of 2^30 (bits 001000 1 0, then 011110).
	_, err := New().Decode(nil, []byte("\x11\x1e\x03"), []Coding{Brotli}, wide)
	if !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "WINDOW_BITS") {
		t.Error(err)
	}
}

func TestZstdFrames(t *testing.T) {
	d := New()
	skippable := "\x5f\x2a\x4d\x18\x05\x00\x00\x00hello"
	one, two := string(encode(Zstd, []byte("one "))), string(encode(Zstd, []byte("two ")))
	raw := func(header string) string { return zstdMagic + header + "\x11\x00\x00" + "ab" }
	for name, tt := range map[string]struct {
		encoded, want string
		err           error
	}{
		"two frames":                {one + two, "one two ", nil},
		"skippable first":           {skippable + one, "one ", nil},
		"skippable between":         {one + skippable + skippable + two, "one two ", nil},
		"skippable last":            {one + skippable, "one ", nil},
		"skippable only":            {skippable, "", nil},
		"skippable cut":             {one + skippable[:12], "", ErrCorrupt},
		"skippable magic cut":       {one + skippable[:3], "", ErrCorrupt},
		"not quite skippable":       {one + "\x60" + skippable[1:], "", ErrCorrupt},
		"garbage after":             {one + "x", "", ErrCorrupt},
		"zeros after":               {one + "\x00\x00\x00\x00", "", ErrCorrupt},
		"older format":              {"\x27\xb5\x2f\xfd" + one[4:], "", ErrCorrupt},
		"raw block":                 {raw("\x00\x00"), "ab", nil},
		"raw block, sized":          {raw("\x20\x02"), "ab", nil},
		"declared size too large":   {raw("\x20\x03"), "", ErrCorrupt},
		"declared size too small":   {raw("\x20\x01"), "", ErrCorrupt},
		"declared size not single":  {raw("\x80\x00\x02\x00\x00\x00"), "ab", nil},
		"wrong size not single":     {raw("\x80\x00\x03\x00\x00\x00"), "", ErrCorrupt},
		"reserved bit":              {raw("\x08\x00"), "", ErrCorrupt},
		"unused bit":                {raw("\x10\x00"), "ab", nil},
		"window 8 MiB":              {raw("\x00\x68"), "ab", nil},
		"window 9 MiB":              {raw("\x00\x69"), "", ErrCorrupt},
		"window 3.75 TiB":           {raw("\x00\xff"), "", ErrCorrupt},
		"single segment of 9 MB":    {raw("\xa0\x00\x00\x90\x00"), "", ErrCorrupt},
		"dictionary":                {raw("\x01\x00\x07"), "", ErrCorrupt},
		"dictionary 0":              {raw("\x03\x00\x00\x00\x00\x00"), "ab", nil},
		"reserved block type":       {zstdMagic + "\x00\x00\x07\x00\x00", "", ErrCorrupt},
		"repeated byte":             {zstdMagic + "\x00\x00\x23\x00\x00a", "aaaa", nil},
		"repeated too often":        {zstdMagic + "\x00\x00\x03\x40\x00a", "", ErrCorrupt}, // 2048 in a window of 1024
		"repeated, wrong checksum":  {zstdMagic + "\x04\x00\x23\x00\x00aXXXX", "", ErrCorrupt},
		"repeated, short checksum":  {zstdMagic + "\x04\x00\x23\x00\x00aXXX", "", ErrCorrupt},
		"block without the content": {zstdMagic + "\x00\x00\x23\x00\x00", "", ErrCorrupt},
	} {
		got, err := d.Decode(nil, []byte(tt.encoded), []Coding{Zstd}, wide)
		if string(got) != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("%s: %q, %v, want %q, %v", name, got, err, tt.want, tt.err)
		}
	}
}

// TestWindowDescriptor compares the rounding with the format's definition.
func TestWindowDescriptor(t *testing.T) {
	for size := 1; size <= zstdMaxWindow; size += 997 {
		d := windowDescriptor(size)
		if windowSize(d) < uint64(size) || d > 0 && windowSize(d-1) >= uint64(size) {
			t.Fatalf("%d: %#x stands for %d", size, d, windowSize(d))
		}
	}
	if d := windowDescriptor(zstdMaxWindow); windowSize(d) != zstdMaxWindow {
		t.Errorf("the largest window became %d", windowSize(d))
	}
}

func TestGzipMembers(t *testing.T) {
	d := New()
	one, two := string(encode(Gzip, []byte("one "))), string(encode(Gzip, []byte("two ")))
	empty := string(encode(Gzip, nil))
	member := one[10:]
	withCRC := "\x1f\x8b\x08\x02\x00\x00\x00\x00\x00\xff"
	crc := uint16(crc32.ChecksumIEEE([]byte(withCRC)))
	for name, tt := range map[string]struct {
		encoded, want string
		err           error
	}{
		"two members":        {one + two, "one two ", nil},
		"with an empty one":  {one + empty + two + empty, "one two ", nil},
		"zeros after":        {one + "\x00\x00\x00\x00", "", ErrCorrupt},
		"a byte after":       {one + "\x1f", "", ErrCorrupt},
		"garbage after":      {one + "garbage that is long enough", "", ErrCorrupt},
		"header only":        {one[:10], "", ErrCorrupt},
		"reserved flag":      {one[:3] + "\x20" + one[4:], "", ErrCorrupt},
		"text flag":          {one[:3] + "\x01" + one[4:], "one ", nil},
		"other method":       {one[:2] + "\x07" + one[3:], "", ErrCorrupt},
		"header checksum":    {withCRC + string([]byte{byte(crc), byte(crc >> 8)}) + member, "one ", nil},
		"wrong one":          {withCRC + string([]byte{byte(crc), byte(crc>>8) + 1}) + member, "", ErrCorrupt},
		"long name":          {one[:3] + "\x08" + one[4:10] + strings.Repeat("n", 3000) + "\x00" + member, "one ", nil},
		"endless name":       {one[:3] + "\x08" + one[4:10] + strings.Repeat("n", 3000), "", ErrCorrupt},
		"name and comment":   {one[:3] + "\x18" + one[4:10] + "n\x00c\x00" + member, "one ", nil},
		"extra":              {one[:3] + "\x04" + one[4:10] + "\x02\x00ab" + member, "one ", nil},
		"extra and name":     {one[:3] + "\x0c" + one[4:10] + "\x02\x00a\x00" + "b\x00" + member, "one ", nil},
		"extra beyond":       {one[:3] + "\x04" + one[4:10] + "\xff\xffab" + member, "", ErrCorrupt},
		"wrong length":       {one[:len(one)-4] + "\x05\x00\x00\x00", "", ErrCorrupt},
		"wrong checksum":     {one[:len(one)-8] + "abcd" + one[len(one)-4:], "", ErrCorrupt},
		"second one corrupt": {one + two[:len(two)-1] + "x", "", ErrCorrupt},
	} {
		got, err := d.Decode(nil, []byte(tt.encoded), []Coding{Gzip}, wide)
		if string(got) != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("%s: %q, %v, want %q, %v", name, got, err, tt.want, tt.err)
		}
	}
}

// polyglot returns bytes that are valid zlib, and bare deflate of something else.
func polyglot() []byte {
	// Bare: a stored block of 1 byte, behind 7 bits that are skipped. In zlib, the same bytes are the
	// header and a stored block of 65534 bytes.
	b := []byte{0x78, 0x01, 0x00, 0xfe, 0xff, 0x01, 0x00}
	data := make([]byte, 0xfffe)
	// Bare: the second block's header was the last byte above.
	copy(data, "\x06\x00\xf9\xffattack"+"\x01\x00\x00\xff\xff")
	b = append(b, data...)
	b = append(b, 0x01, 0x00, 0x00, 0xff, 0xff)
	sum := adler32.Checksum(data)
	return append(b, byte(sum>>24), byte(sum>>16), byte(sum>>8), byte(sum))
}

func TestDeflateAmbiguity(t *testing.T) {
	d := New()
	both := polyglot()
	// First make sure that it is what it claims to be.
	z, err := stdzlib.NewReader(bytes.NewReader(both))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(z); err != nil || len(got) != 0xfffe {
		t.Fatalf("as zlib: %d bytes, %v", len(got), err)
	}
	if got, err := io.ReadAll(stdflate.NewReader(bytes.NewReader(both))); err != nil || string(got) != "\x01attack" {
		t.Fatalf("bare: %q, %v", got, err)
	}
	for _, l := range []Limits{wide, {Bytes: 3, Layers: 1}, {Bytes: 0xfffe, Layers: 1}} {
		if _, err := d.Decode(nil, both, []Coding{Deflate}, l); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%+v: %v", l, err)
		}
		if _, _, err := d.DecodePrefix(nil, both, []Coding{Deflate}, l); !errors.Is(err, ErrCorrupt) {
			t.Errorf("prefix, %+v: %v", l, err)
		}
	}

	body := sample(500)
	zlibbed := encode(Deflate, body)
	bare := zlibbed[2 : len(zlibbed)-4]
	for name, tt := range map[string]struct {
		encoded []byte
		err     error
	}{
		"zlib":                        {zlibbed, nil},
		"bare":                        {bare, nil},
		"zlib, one byte after":        {append(bytes.Clone(zlibbed), 0), ErrCorrupt},
		"bare, one byte after":        {append(bytes.Clone(bare), 0), ErrCorrupt},
		"bare, twice":                 {append(bytes.Clone(bare), bare...), ErrCorrupt},
		"zlib, wrong checksum":        {append(bytes.Clone(zlibbed[:len(zlibbed)-1]), zlibbed[len(zlibbed)-1]+1), ErrCorrupt},
		"zlib, without checksum":      {zlibbed[:len(zlibbed)-4], ErrCorrupt},
		"zlib, dictionary":            {append([]byte{0x78, 0x20, 0, 0, 0, 1}, bare...), ErrCorrupt},
		"zlib, dictionary, header ok": {append([]byte{0x78, 0xbb, 0, 0, 0, 1}, bare...), ErrCorrupt},
		"zlib, window 64 KiB":         {append([]byte{0x88, 0x1c}, zlibbed[2:]...), ErrCorrupt},
		// The header is zlib's, the rest is bare deflate with the padding set. Nobody sends this
		// in good faith.
		"zlib header, bare inside": {[]byte("\x78\x01\x00\xfe\xff\x01" + "\x01\x00\x00\xff\xff"), ErrCorrupt},
	} {
		got, err := d.Decode(nil, tt.encoded, []Coding{Deflate}, wide)
		if !errors.Is(err, tt.err) || err == nil && !bytes.Equal(got, body) {
			t.Errorf("%s: %d bytes, %v, want %v", name, len(got), err, tt.err)
		}
	}
}
