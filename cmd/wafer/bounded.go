package main

import (
	"fmt"
	"io"
	"os"
)

// How much is read of what a command holds whole.
const (
	mostAsked  = 32 << 20 // a request, or its body
	mostSecret = 1 << 20  // certificates, keys, tokens
	mostRoutes = 16 << 20
)

// readNamed reads a file that the command line names. It may be a pipe, as shells make them.
func readNamed(name string, most int) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readBounded(f, name, most)
}

func readBounded(r io.Reader, name string, most int) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, int64(most)+1))
	if err == nil && len(data) > most {
		err = fmt.Errorf("%s is larger than %d MiB", name, most>>20)
	}
	return data, err
}
