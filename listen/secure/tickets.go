package secure

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// parseTicketKeys reads keys of session tickets, one a line: 32 bytes in base64 or hex. Tickets are made with
// the first one; those of the others are still taken.
func parseTicketKeys(text []byte) (keys [][32]byte, err error) {
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		key, err := hex.DecodeString(line)
		if err != nil || len(key) != 32 {
			key, err = base64.StdEncoding.DecodeString(line)
		}
		if err != nil || len(key) != 32 {
			return nil, fmt.Errorf("line %d is no key: 32 bytes in base64 or hex, as openssl rand -base64 32 writes them", n)
		}
		keys = append(keys, [32]byte(key))
	}
	if len(keys) == 0 {
		return nil, errors.New("no key in it: one a line, as openssl rand -base64 32 writes them")
	}
	return keys, nil
}
