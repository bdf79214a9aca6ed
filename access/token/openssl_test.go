package token

import (
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestWhatOpenSSLSigns has OpenSSL make keys and signatures, so that two implementations have to agree.
func TestWhatOpenSSLSigns(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Fatal("openssl is not installed: apt-get install openssl")
	}
	dir := t.TempDir()
	run := func(args ...string) []byte {
		t.Helper()
		cmd := exec.Command(openssl, args...)
		cmd.Dir = dir
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("openssl %v: %v", args, err)
		}
		return out
	}
	var keys []map[string]any
	public := func(id, file string) {
		block, _ := pem.Decode(run("pkey", "-in", file, "-pubout"))
		key, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, jwk(t, id, key, nil))
	}
	run("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", "rsa.pem")
	run("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "ec.pem")
	run("genpkey", "-algorithm", "ED25519", "-out", "ed.pem")
	public("rsa", "rsa.pem")
	public("ec", "ec.pem")
	public("ed", "ed.pem")
	v := verifier(t, func(c *Config) { c.Issuers[0].Keys = parseKeys(t, set(t, keys...)) })
	for _, c := range []struct {
		algorithm, kid string
		args           []string
	}{
		{"RS256", "rsa", []string{"dgst", "-sha256", "-sign", "rsa.pem", "input"}},
		{"PS256", "rsa", []string{"dgst", "-sha256", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest", "-sign", "rsa.pem", "input"}},
		{"ES256", "ec", []string{"dgst", "-sha256", "-sign", "ec.pem", "input"}},
		{"EdDSA", "ed", []string{"pkeyutl", "-sign", "-rawin", "-inkey", "ed.pem", "-in", "input"}},
	} {
		input := b64([]byte(`{"alg":"`+c.algorithm+`","kid":"`+c.kid+`"}`)) + "." + b64([]byte(claims(t, nil)))
		if err := os.WriteFile(filepath.Join(dir, "input"), []byte(input), 0o600); err != nil {
			t.Fatal(err)
		}
		signature := run(c.args...)
		if c.algorithm == "ES256" {
			var both struct{ R, S *big.Int }
			if _, err := asn1.Unmarshal(signature, &both); err != nil {
				t.Fatal(err)
			}
			signature = append(both.R.FillBytes(make([]byte, 32)), both.S.FillBytes(make([]byte, 32))...)
		}
		if _, why := v.Verify(bearing(input + "." + b64(signature))); why != None {
			t.Errorf("%s: %v", c.algorithm, why)
		}
		signature[0] ^= 1
		if _, why := v.Verify(bearing(input + "." + b64(signature))); why != Signature {
			t.Errorf("%s, changed: %v", c.algorithm, why)
		}
	}
}
