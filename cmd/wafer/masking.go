package main

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/mask"
)

// maxMaskKey is more than any key has.
const maxMaskKey = 4096

// maskingOf compiles what is secret, with the key that the settings name.
func maskingOf(boot *config.Boot) (*mask.Policy, error) {
	var key []byte
	if file := boot.Masking.KeyFile; file != "" {
		wrong := func(err error) error {
			at := boot.At("masking.key_file")
			at.What = err.Error()
			return at
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, wrong(err)
		}
		if key = bytes.TrimSpace(text); len(key) == 0 || len(key) > maxMaskKey {
			return nil, wrong(fmt.Errorf("%s: %d bytes are no key: openssl rand -hex 32 makes one", file, len(key)))
		}
		policy, err := boot.Masking.Policy(key)
		if err != nil { // all else has been checked
			return nil, wrong(fmt.Errorf("%s: %w", file, err))
		}
		return policy, nil
	}
	return boot.Masking.Policy(nil)
}

// maskedLog takes lines of the operational log, in JSON, and passes them on without secrets. Errors of others may quote
// anything.
type maskedLog struct {
	to     io.Writer
	policy *mask.Policy
}

func (m maskedLog) Write(line []byte) (int, error) {
	_, err := m.to.Write(m.policy.Line(line))
	return len(line), err
}
