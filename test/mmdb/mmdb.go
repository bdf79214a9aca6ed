// Package mmdb writes small databases of places in the format of MaxMind, for tests: version 2.0, records of 32 bits.
// The writer that MaxMind publishes would do, but it brings modules along that the product does not ship.
package mmdb

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// Record is what a database says of a network: texts, whole numbers (uint32) and further records.
type Record map[string]any

// Write makes a database of IPv6 and, within it, IPv4.
func Write(kind string, networks map[string]Record) []byte {
	t := &tree{nodes: [][2]uint32{{}}, data: map[string]uint32{}}
	prefixes := slices.SortedFunc(maps.Keys(networks), func(a, b string) int {
		return netip.MustParsePrefix(a).Bits() - netip.MustParsePrefix(b).Bits() // the narrower ones last
	})
	for _, p := range prefixes {
		t.insert(netip.MustParsePrefix(p), t.record(networks[p]))
	}
	count := uint32(len(t.nodes))
	var out bytes.Buffer
	for _, node := range t.nodes {
		for _, to := range node {
			switch {
			case to == nothing:
				to = count
			case to&isData != 0:
				to = count + 16 + to&^isData
			}
			_ = binary.Write(&out, binary.BigEndian, to)
		}
	}
	out.Write(make([]byte, 16))
	out.Write(t.section.Bytes())
	out.WriteString("\xab\xcd\xefMaxMind.com")
	encode(&out, Record{
		"binary_format_major_version": uint16(2), "binary_format_minor_version": uint16(0), "build_epoch": uint64(1796040000),
		"database_type": kind, "description": Record{"en": "for tests"}, "ip_version": uint16(6), "languages": []string{"en"},
		"node_count": count, "record_size": uint16(32),
	})
	return out.Bytes()
}

const (
	nothing = 0       // no node leads back to the first one
	isData  = 1 << 31 // the rest is an offset in the section of data
)

type tree struct {
	nodes   [][2]uint32
	section bytes.Buffer
	data    map[string]uint32
}

// record returns the mark of a record, which is written once.
func (t *tree) record(r Record) uint32 {
	var b bytes.Buffer
	encode(&b, r)
	at, known := t.data[b.String()]
	if !known {
		at = uint32(t.section.Len())
		t.data[b.String()] = at
		t.section.Write(b.Bytes())
	}
	return at | isData
}

func (t *tree) insert(p netip.Prefix, record uint32) {
	address, length := p.Addr().As16(), p.Bits()
	if p.Addr().Is4() { // is found in ::/96
		four := p.Addr().As4()
		address, length = [16]byte{12: four[0], 13: four[1], 14: four[2], 15: four[3]}, length+96
	}
	node := uint32(0)
	for i := range length {
		bit := address[i/8] >> (7 - i%8) & 1
		if i == length-1 {
			t.nodes[node][bit] = record
			return
		}
		next := t.nodes[node][bit]
		if next == nothing || next&isData != 0 { // what was said of the whole is said of both halves
			t.nodes = append(t.nodes, [2]uint32{next, next})
			next = uint32(len(t.nodes) - 1)
			t.nodes[node][bit] = next
		}
		node = next
	}
}

// Types of values in a section of data.
const (
	typeText    = 2
	typeUint16  = 5
	typeUint32  = 6
	typeMap     = 7
	typeUint64  = 9
	typeStrings = 11
)

func control(b *bytes.Buffer, kind, size int) {
	var more []byte
	if size >= 29 {
		if size >= 285 {
			panic("BUG: too long for a test")
		}
		more, size = []byte{byte(size - 29)}, 29
	}
	if kind > 7 {
		b.Write([]byte{byte(size), byte(kind - 7)})
	} else {
		b.WriteByte(byte(kind<<5 | size))
	}
	b.Write(more)
}

func encode(b *bytes.Buffer, v any) {
	switch v := v.(type) {
	case string:
		control(b, typeText, len(v))
		b.WriteString(v)
	case uint16:
		number(b, typeUint16, uint64(v))
	case uint32:
		number(b, typeUint32, uint64(v))
	case uint64:
		number(b, typeUint64, v)
	case []string:
		control(b, typeStrings, len(v))
		for _, s := range v {
			encode(b, s)
		}
	case Record:
		control(b, typeMap, len(v))
		for _, key := range slices.Sorted(maps.Keys(v)) {
			encode(b, key)
			encode(b, v[key])
		}
	default:
		panic(fmt.Sprintf("BUG: no type of a database: %T", v))
	}
}

func number(b *bytes.Buffer, kind int, n uint64) {
	text := strings.TrimLeft(string(binary.BigEndian.AppendUint64(nil, n)), "\x00")
	control(b, kind, len(text))
	b.WriteString(text)
}
