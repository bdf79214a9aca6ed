package config

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The struct tags are the schema: the keys of a mapping are the tags of its struct, and
// these leaf types are written as text.
var (
	durationType = reflect.TypeFor[time.Duration]()
	sizeType     = reflect.TypeFor[Size]()
	prefixType   = reflect.TypeFor[netip.Prefix]()
	percentType  = reflect.TypeFor[Percent]()
	shareType    = reflect.TypeFor[Share]()
	statusType   = reflect.TypeFor[StatusRange]()
	amountType   = reflect.TypeFor[Amount]()
	rateType     = reflect.TypeFor[Rate]()
	momentType   = reflect.TypeFor[Moment]()
)

// tagName is the struct tag that names the keys.
const tagName = "mapstructure"

// field is one key of a mapping.
type field struct {
	key   string
	index int
	typ   reflect.Type
}

// fieldsOf lists the keys of a struct type in the order of its fields.
func fieldsOf(t reflect.Type) []field {
	var fields []field
	for i := range t.NumField() {
		f := t.Field(i)
		if key := f.Tag.Get(tagName); key != "" && key != "-" {
			fields = append(fields, field{key: key, index: i, typ: f.Type})
		}
	}
	return fields
}

// keysOf lists the keys of a struct type.
func keysOf(t reflect.Type) []string {
	var keys []string
	for _, f := range fieldsOf(t) {
		keys = append(keys, f.key)
	}
	return keys
}

// isText tells whether values of the type are written as one string.
func isText(t reflect.Type) bool {
	return t == durationType || t == sizeType || t == prefixType || t == percentType || t == shareType || t == statusType || t == amountType || t == rateType || t == momentType
}

// isMapping tells whether values of the type are written as a mapping.
func isMapping(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && !isText(t)
}

// sharedName is the name under which the keys of a mapping that stands in several places, and in itself, are documented
// once, and described in schemas; empty: it stands in one place.
func sharedName(t reflect.Type) string {
	if t == reflect.TypeFor[AccessWhen]() {
		return "when"
	}
	return ""
}

// plainTag marks the field of a mapping that a plain value in its place stands for.
const plainTag = "plain"

// plainOf is that field; nil: the type has none, and is always written as a mapping.
func plainOf(t reflect.Type) *reflect.StructField {
	for i := range t.NumField() {
		if f := t.Field(i); f.Tag.Get(plainTag) != "" {
			return &f
		}
	}
	return nil
}

// leafPaths lists the key paths of everything below a struct type that is not itself a
// mapping. A list is one leaf.
func leafPaths(t reflect.Type) []string {
	var paths []string
	for _, f := range fieldsOf(t) {
		if !isMapping(f.typ) {
			paths = append(paths, f.key)
			continue
		}
		for _, p := range leafPaths(f.typ) {
			paths = append(paths, f.key+"."+p)
		}
	}
	return paths
}

// wanted describes in plain words what a value of the type looks like in YAML.
func wanted(t reflect.Type) string {
	switch {
	case t == durationType:
		return "a duration such as 30s"
	case t == sizeType:
		return "a size such as 10MiB"
	case t == prefixType:
		return "a network such as 10.0.0.0/8"
	case t == percentType:
		return "a share such as 50%"
	case t == shareType:
		return "a share such as 1% or 0.1%"
	case t == statusType:
		return "a status such as 200, 2xx or 200-399"
	case t == amountType:
		return "an amount such as 20 or 20MiB"
	case t == rateType:
		return "a rate such as 10/s, 300/m or 10MiB/s"
	case t == momentType:
		return "a moment such as 2027-01-31T12:00:00Z"
	}
	switch t.Kind() {
	case reflect.Pointer:
		return wanted(t.Elem())
	case reflect.Struct, reflect.Map:
		return "a mapping"
	case reflect.Slice:
		return "a list"
	case reflect.Bool:
		return "true or false"
	case reflect.Int:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	default:
		return "a string"
	}
}

// parseText reads a value of a text type.
func parseText(t reflect.Type, text string) (any, error) {
	switch t {
	case durationType:
		return parseDuration(text)
	case sizeType:
		return ParseSize(text)
	case prefixType:
		return parseNetwork(text)
	case percentType:
		return ParsePercent(text)
	case shareType:
		return ParseShare(text)
	case statusType:
		return ParseStatusRange(text)
	case amountType:
		return ParseAmount(text)
	case rateType:
		return ParseRate(text)
	case momentType:
		return parseMoment(text)
	}
	panic("BUG: not a text type: " + t.String())
}

// parseDuration is time.ParseDuration with errors that say what would be right.
func parseDuration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err == nil {
		return d, nil
	}
	if _, numErr := strconv.ParseFloat(text, 64); numErr == nil {
		return 0, fmt.Errorf("%s has no unit: write %ss", text, text)
	}
	return 0, fmt.Errorf("%q is not a duration: write a number with a unit, such as 500ms, 30s or 2m", text)
}

// parseNetwork reads a network in CIDR form without host bits.
func parseNetwork(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
		return netip.Prefix{}, fmt.Errorf("%s has no prefix length: write %s/%d", text, text, addr.BitLen())
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%q is not a network: write it like 10.0.0.0/8", text)
	}
	if p != p.Masked() {
		return netip.Prefix{}, fmt.Errorf("%s has bits set behind the prefix length: write %s", text, p.Masked())
	}
	return p, nil
}

// splitList splits the text form of a list, as flags and environment variables have it.
func splitList(text string) []string {
	if strings.TrimSpace(text) == "" {
		return nil
	}
	items := strings.Split(text, ",")
	for i := range items {
		items[i] = strings.TrimSpace(items[i])
	}
	return items
}

// words joins words for a message: "a", "a or b", "a, b or c".
func words(list ...string) string {
	list = slices.Clone(list)
	if len(list) < 2 {
		return strings.Join(list, "")
	}
	last := len(list) - 1
	return strings.Join(list[:last], ", ") + " or " + list[last]
}
