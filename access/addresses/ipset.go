package addresses

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// ipset reads what "ipset save" writes. Lines that are neither "create" nor "add" are read as those of a plain list,
// which is what netsets have.
func (p *parser) ipset(text string) error {
	r := &ipsetReader{parser: p, sets: map[string]ipsetKind{}}
	return p.lines(text, r.read)
}

type ipsetReader struct {
	*parser
	sets  map[string]ipsetKind
	first string // the name of the first set
}

// ipsetKind is what "create" says of a set.
type ipsetKind struct {
	netmask int // -1: none
	timeout time.Duration
}

// ipsetTypes hold addresses and nothing else.
var ipsetTypes = map[string]bool{"hash:ip": true, "hash:net": true, "bitmap:ip": true}

func (r *ipsetReader) read(n int, line string) error {
	if line == "" || line[0] == '#' {
		return nil
	}
	command, rest, _ := strings.Cut(line, " ")
	switch command {
	case "create":
		return r.create(n, strings.Fields(rest))
	case "add":
		return r.add(n, strings.Fields(rest))
	case "COMMIT", "flush":
		return nil
	}
	return r.plain(n, line)
}

func (r *ipsetReader) create(n int, words []string) error {
	if len(words) < 2 {
		return fmt.Errorf("line %d: create names no set and type", n)
	}
	name, kind := words[0], ipsetKind{netmask: -1}
	if r.Set != "" && name != r.Set {
		return nil
	}
	switch {
	case !ipsetTypes[words[1]]:
		return fmt.Errorf("line %d: a set of type %s is not one of addresses alone: hash:ip, hash:net or bitmap:ip", n, quote(words[1]))
	case r.first != "" && r.first != name:
		return fmt.Errorf("line %d: a second set, %s beside %s: say which one is meant", n, quote(name), quote(r.first))
	}
	var err error
	for i := 2; i+1 < len(words); i++ {
		switch words[i] {
		case "netmask":
			kind.netmask, err = strconv.Atoi(words[i+1])
		case "timeout":
			kind.timeout, err = seconds(words[i+1])
		}
		if err != nil {
			return fmt.Errorf("line %d: %s is no number", n, quote(words[i+1]))
		}
	}
	r.first, r.sets[name] = name, kind
	return nil
}

func (r *ipsetReader) add(n int, words []string) error {
	if len(words) < 2 {
		r.outcome.Read++
		r.bad(n, errors.New("add names no set and entry"))
		return nil
	}
	if r.Set != "" && words[0] != r.Set {
		return nil
	}
	kind, known := r.sets[words[0]]
	if !known {
		return fmt.Errorf("line %d: set %s is used before it is created", n, quote(words[0]))
	}
	timeout, excluded := kind.timeout, false
options:
	for i := 2; i < len(words); i++ {
		switch words[i] {
		case "comment": // what follows is for people
			break options
		case "nomatch":
			excluded = true
		case "timeout":
			var err error
			if i++; i == len(words) {
				err = errors.New("timeout without a number")
			} else {
				timeout, err = seconds(words[i])
			}
			if err != nil {
				r.outcome.Read++
				r.bad(n, err)
				return nil
			}
		}
	}
	var ends time.Time
	if timeout > 0 {
		ends = r.after(timeout)
	}
	return r.take(n, masked(words[1], kind.netmask), ends, excluded)
}

// masked is an entry of a set whose addresses stand for networks of one length.
func masked(entry string, length int) string {
	if a, err := netip.ParseAddr(entry); err == nil && length >= 0 {
		if p, err := a.Prefix(length); err == nil {
			return p.String()
		}
	}
	return entry
}

// seconds reads a number of seconds as ipset has them.
func seconds(text string) (time.Duration, error) {
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("%s is no number of seconds", quote(text))
	}
	return time.Duration(n) * time.Second, nil
}
