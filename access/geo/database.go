package geo

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/oschwald/maxminddb-golang/v2"
	"github.com/oschwald/maxminddb-golang/v2/mmdbdata"
)

// database is one file, read.
type database struct {
	reader *maxminddb.Reader
	kind   string
	built  time.Time

	countries, networks *remembered // nil: nobody asks
}

// read makes a database of a file, all of which is looked through: a lookup does not meet what is broken.
func read(data []byte) (*database, error) {
	r, err := maxminddb.OpenBytes(data)
	if err != nil {
		return nil, err
	}
	if err := r.Verify(); err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	return &database{reader: r, kind: r.Metadata.DatabaseType, built: r.Metadata.BuildTime()}, nil
}

// remembered are what records say that were read before, by where they stand. Many networks share a record, and to
// read one costs as much as to find it, and allocates. Each slot holds a place, counted from 1, and 32 bits of what
// stands there.
type remembered [1 << 14]atomic.Uint64

// get returns what is found of an address. Read makes 32 bits of a record.
func (m *remembered) get(d *database, a netip.Addr, read func(*record) uint32) uint32 {
	if a = a.Unmap(); a.Is6() && d.reader.Metadata.IPVersion == 4 {
		return 0
	}
	found := d.reader.Lookup(a)
	if !found.Found() {
		return 0
	}
	at := uint64(found.Offset()) + 1
	slot := &m[(at*0x9e3779b97f4a7c15)>>50]
	if known := slot.Load(); known>>32 == at {
		return uint32(known)
	}
	value := d.value(found, read)
	if at < 1<<32 {
		slot.Store(at<<32 | uint64(value))
	}
	return value
}

func (d *database) value(found maxminddb.Result, read func(*record) uint32) uint32 {
	var r record
	if err := found.Decode(&r); err != nil {
		return 0 // a record of a kind that Verify does not know of says nothing
	}
	return read(&r)
}

// alphabet has each code of two letters at its place.
var alphabet = func() string {
	var b strings.Builder
	for i := range 26 * 26 {
		b.WriteByte(byte('A' + i/26))
		b.WriteByte(byte('A' + i%26))
	}
	return b.String()
}()

// packCountry makes a number of a country; 0 is none.
func packCountry(r *record) uint32 {
	if r.country == Unknown {
		return 0
	}
	return uint32(r.country[0]-'A')*26 + uint32(r.country[1]-'A') + 1
}

func unpackCountry(n uint32) string {
	if n == 0 {
		return Unknown
	}
	return alphabet[2*(n-1) : 2*n]
}

func packASN(r *record) uint32 { return r.asn }

// record is what is read of one: fields as MaxMind, DB-IP and IPinfo name them.
type record struct {
	country string // of two letters
	asn     uint32
}

// UnmarshalMaxMindDB takes a field for what it is, since databases have the same names for different things.
func (r *record) UnmarshalMaxMindDB(d *mmdbdata.Decoder) error {
	fields, _, err := d.ReadMap()
	if err != nil {
		return err
	}
	for key, err := range fields {
		if err != nil {
			return err
		}
		switch string(key) {
		case "country", "country_code":
			err = r.readCountry(d)
		case "autonomous_system_number", "asn":
			err = r.readASN(d)
		default:
			err = d.SkipValue()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// readCountry reads a code, or a mapping that has one.
func (r *record) readCountry(d *mmdbdata.Decoder) error {
	kind, err := d.PeekKind()
	if err != nil {
		return err
	}
	switch kind {
	case mmdbdata.KindString:
		code, err := d.ReadString()
		r.setCountry(code)
		return err
	case mmdbdata.KindMap:
		fields, _, err := d.ReadMap()
		if err != nil {
			return err
		}
		for key, err := range fields {
			if err != nil {
				return err
			}
			if string(key) != "iso_code" {
				err = d.SkipValue()
			} else {
				var code string
				code, err = d.ReadString()
				r.setCountry(code)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	return d.SkipValue()
}

// setCountry takes a code; some databases have names under the same key.
func (r *record) setCountry(code string) {
	if IsCountry(code) {
		r.country = code
	}
}

// IsCountry tells whether a text is written as a country is: two capital letters (ISO 3166-1).
func IsCountry(code string) bool {
	return len(code) == 2 && 'A' <= code[0] && code[0] <= 'Z' && 'A' <= code[1] && code[1] <= 'Z'
}

// readASN reads a number, or a text such as AS64496.
func (r *record) readASN(d *mmdbdata.Decoder) error {
	kind, err := d.PeekKind()
	if err != nil {
		return err
	}
	switch kind {
	case mmdbdata.KindUint32:
		r.asn, err = d.ReadUint32()
		return err
	case mmdbdata.KindString:
		text, err := d.ReadString()
		if n, bad := strconv.ParseUint(strings.TrimPrefix(text, "AS"), 10, 32); bad == nil {
			r.asn = uint32(n)
		}
		return err
	}
	return d.SkipValue()
}
