package main

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"github.com/wafer-waf/wafer/access/file"
	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/mask"
)

// maxMaskKey is more than any key has.
const maxMaskKey = 4096

// maskingOf compiles what is secret, with the key that the settings name.
func maskingOf(boot *config.Boot) (*mask.Policy, error) {
	key, err := maskKey(boot)
	if err != nil {
		return nil, err
	}
	return boot.Masking.Policy(key)
}

// maskKey reads the key that the settings name; nil: they name none.
func maskKey(boot *config.Boot) ([]byte, error) {
	name := boot.Masking.KeyFile
	if name == "" {
		return nil, nil
	}
	key, err := file.Whole(name, maxMaskKey)
	if key = bytes.TrimSpace(key); err == nil {
		switch _, unfit := (&config.Masking{}).Policy(key); {
		case len(key) == 0:
			err = fmt.Errorf("%s is empty: openssl rand -hex 32 makes a key", name)
		case unfit != nil:
			err = fmt.Errorf("%s: %w: openssl rand -hex 32 makes a key", name, unfit)
		}
	}
	if err != nil {
		at := boot.At("masking.key_file")
		at.What = err.Error()
		return nil, at
	}
	return key, nil
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
