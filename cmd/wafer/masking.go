package main

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
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

// maskingFlag is the flag that names the boot file of a tier whose secrets are not to be shown.
func maskingFlag(c *cobra.Command, file *string) {
	c.Flags().StringVar(file, "config", "", "boot file of the tier: what its masking says is secret is not shown here either")
}

// maskingIn compiles what is secret by a boot file, but for its key: it is where the tier runs, and without it the same values cannot be
// told to be so. Without a file, what is always secret is.
func maskingIn(file string) (*mask.Policy, error) {
	if file == "" {
		return nil, nil //nolint:nilnil // the usual policy
	}
	inputs, err := config.Inputs(file, os.Stdin)
	if err != nil {
		return nil, err
	}
	for _, in := range inputs {
		if _, err := in.Load(); err != nil {
			return nil, err
		}
		if b := in.Boot(); b != nil {
			return b.Masking.Policy(nil)
		}
	}
	return nil, fmt.Errorf("%s is no boot file", file)
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
