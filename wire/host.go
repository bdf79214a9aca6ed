package wire

import (
	"bytes"
	"net/netip"
)

// maxHost is a name of 253 bytes and a port.
const maxHost = 253 + len(":65535")

// validHost judges the value of a Host field. It is narrower than RFC 3986, which allows
// percent-encoding and sub-delimiters that no name in use has but that parsers read in
// different ways: letters, digits, '-', '.', '_', or an IPv6 address in brackets, and a
// port up to 65535.
func validHost(v []byte) bool {
	if len(v) == 0 || len(v) > maxHost {
		return false
	}
	if v[0] == '[' {
		end := bytes.IndexByte(v, ']')
		if end < 0 {
			return false
		}
		addr, err := netip.ParseAddr(string(v[1:end]))
		return err == nil && addr.Is6() && addr.Zone() == "" && validPort(v[end+1:])
	}
	i := 0
	for i < len(v) && class[v[i]]&hostByte != 0 {
		i++
	}
	return i > 0 && validPort(v[i:])
}

// validPort judges what follows the name: nothing, or a colon and at most five digits.
func validPort(p []byte) bool {
	if len(p) == 0 {
		return true
	}
	if p[0] != ':' || len(p) > len(":65535") {
		return false
	}
	port := 0
	for _, c := range p[1:] {
		if c < '0' || c > '9' {
			return false
		}
		port = port*10 + int(c-'0')
	}
	return port <= 65535
}
