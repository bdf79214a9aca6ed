package syslog

import (
	"os"
	"strconv"
	"strings"

	"github.com/wafer-waf/wafer/delivery"
)

// header is what all messages of a process have in common.
type header struct {
	facility int
	middle   string // HOSTNAME APP-NAME PROCID
}

func newHeader(facility int, app string) header {
	host, err := os.Hostname()
	if err != nil {
		host = ""
	}
	return header{facility, printable(host, 255) + " " + printable(app, 48) + " " + strconv.Itoa(os.Getpid()) + " "}
}

// printable is a field of a header: printable ASCII without spaces, or a hyphen for none.
func printable(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return -1
		}
		return r
	}, s)
	if s = s[:min(len(s), most)]; s == "" {
		return "-"
	}
	return s
}

// stamp is RFC 5424's time, always with microseconds.
const stamp = "2006-01-02T15:04:05.000000Z"

// append appends a message about a line.
func (h *header) append(b []byte, l *delivery.Line) []byte {
	b = append(b, '<')
	b = strconv.AppendInt(b, int64(h.facility*8+int(l.Kind.Severity)), 10)
	b = append(b, ">1 "...)
	b = l.At.UTC().AppendFormat(b, stamp)
	b = append(b, ' ')
	b = append(b, h.middle...)
	b = append(b, l.Kind.Name...)
	b = append(b, " - "...)
	return append(b, l.Text...)
}

// frame appends a message behind its length. Scratch is for the message, and returned for the next one.
func (h *header) frame(b, scratch []byte, l *delivery.Line) (framed, _ []byte) {
	scratch = h.append(scratch[:0], l)
	b = strconv.AppendInt(b, int64(len(scratch)), 10)
	b = append(b, ' ')
	return append(b, scratch...), scratch
}
