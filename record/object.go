package record

import (
	"encoding/base64"
	"strconv"
	"time"
	"unicode/utf8"
)

// object is a JSON object that is being written, up to its last value.
type object struct{ dst []byte }

func (o *object) key(name string) {
	if last := o.dst[len(o.dst)-1]; last != '{' {
		o.dst = append(o.dst, ',')
	}
	o.dst = append(append(append(o.dst, '"'), name...), `":`...)
}

// text writes any bytes: what is no UTF-8 as an object with their Base64.
func (o *object) text(name, value string) {
	o.key(name)
	o.dst = appendText(o.dst, value)
}

// some is text where there is any.
func (o *object) some(name, value string) {
	if value != "" {
		o.text(name, value)
	}
}

// plain writes a string that needs no escapes.
func (o *object) plain(name string, value []byte) {
	o.key(name)
	o.dst = append(append(append(o.dst, '"'), value...), '"')
}

func (o *object) number(name string, n int64) {
	o.key(name)
	o.dst = strconv.AppendInt(o.dst, n, 10)
}

func (o *object) positive(name string, n int64) {
	if n > 0 {
		o.number(name, n)
	}
}

func (o *object) flag(name string, set bool) {
	if set {
		o.key(name)
		o.dst = append(o.dst, "true"...)
	}
}

// milliseconds keeps microseconds.
func (o *object) milliseconds(name string, d time.Duration) {
	o.key(name)
	o.dst = strconv.AppendFloat(o.dst, float64(d.Microseconds())/1000, 'f', -1, 64)
}

func (o *object) within(name string, write func(*object)) {
	o.key(name)
	o.dst = append(o.dst, '{')
	write(o)
	o.dst = append(o.dst, '}')
}

func (o *object) texts(name string, values []string) {
	if len(values) == 0 {
		return
	}
	o.key(name)
	o.dst = append(o.dst, '[')
	for i, v := range values {
		if i > 0 {
			o.dst = append(o.dst, ',')
		}
		o.dst = appendText(o.dst, v)
	}
	o.dst = append(o.dst, ']')
}

// fields writes field lines in their order, each as a name and a value.
func (o *object) fields(name string, fields []Field) {
	o.key(name)
	o.dst = append(o.dst, '[')
	for i := range fields {
		if i > 0 {
			o.dst = append(o.dst, ',')
		}
		o.dst = appendText(append(o.dst, '['), fields[i].Name)
		o.dst = append(appendText(append(o.dst, ','), fields[i].Value), ']')
	}
	o.dst = append(o.dst, ']')
}

// list writes objects, if there are any.
func list[T any](o *object, name string, items []T, write func(*object, *T)) {
	if len(items) == 0 {
		return
	}
	o.key(name)
	o.dst = append(o.dst, '[')
	for i := range items {
		if i > 0 {
			o.dst = append(o.dst, ',')
		}
		o.dst = append(o.dst, '{')
		write(o, &items[i])
		o.dst = append(o.dst, '}')
	}
	o.dst = append(o.dst, ']')
}

func appendText(dst []byte, s string) []byte {
	if utf8.ValidString(s) {
		return appendQuoted(dst, s)
	}
	return append(appendBase64(append(dst, `{"base64":`...), s), '}')
}

// appendQuoted writes valid UTF-8 as a JSON string (RFC 8259 7).
func appendQuoted[T string | []byte](dst []byte, s T) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	from := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(append(dst, s[from:i]...), '\\')
		from = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, c)
		case '\n':
			dst = append(dst, 'n')
		case '\r':
			dst = append(dst, 'r')
		case '\t':
			dst = append(dst, 't')
		default:
			dst = append(dst, 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return append(append(dst, s[from:]...), '"')
}

func appendBase64[T string | []byte](dst []byte, s T) []byte {
	dst = append(dst, '"')
	dst = base64.StdEncoding.AppendEncode(dst, []byte(s))
	return append(dst, '"')
}

// appendTime writes RFC 3339 in UTC with microseconds, always of the same width.
func appendTime(dst []byte, t time.Time) []byte {
	return t.UTC().AppendFormat(dst, "2006-01-02T15:04:05.000000Z")
}
