package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/pflag"
)

// adminClient asks the admin listener of a tier that runs.
type adminClient struct {
	address, tokenFile  string
	ca, cert, key, name string // of TLS
}

// tokenVariable holds a token where no file does.
const tokenVariable = "WAFER_ADMIN_TOKEN"

func (a *adminClient) flags(f *pflag.FlagSet) {
	f.StringVar(&a.address, "admin", "http://127.0.0.1:9090", "admin listener of the tier")
	f.StringVar(&a.tokenFile, "token-file", "", "file with the token that the admin listener wants; without it the variable "+tokenVariable+" may hold one")
	f.StringVar(&a.ca, "admin-ca", "", "file with the authorities that the admin listener's certificate may be from; without it those of the system")
	f.StringVar(&a.cert, "admin-cert", "", "file with a certificate that shows the admin listener who asks")
	f.StringVar(&a.key, "admin-key", "", "file with its key")
	f.StringVar(&a.name, "admin-name", "", "name in the admin listener's certificate; without it the host of its address")
}

// adminFlags are the names of those flags.
func adminFlags() (names []string) {
	f := pflag.NewFlagSet("", pflag.ContinueOnError)
	new(adminClient).flags(f)
	f.VisitAll(func(flag *pflag.Flag) { names = append(names, flag.Name) })
	return names
}

// secure has a client speak TLS as flags say.
func (a *adminClient) secure(client *http.Client) error {
	if a.ca+a.cert+a.key+a.name == "" {
		return nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: a.name}
	if a.ca != "" {
		text, err := readNamed(a.ca, mostSecret)
		if err != nil {
			return fmt.Errorf("--admin-ca: %w", err)
		}
		if c.RootCAs = x509.NewCertPool(); !c.RootCAs.AppendCertsFromPEM(text) {
			return fmt.Errorf("--admin-ca: no certificate in %s", a.ca)
		}
	}
	if a.cert+a.key != "" {
		cert, err := readNamed(a.cert, mostSecret)
		if err != nil {
			return fmt.Errorf("--admin-cert: %w", err)
		}
		key, err := readNamed(a.key, mostSecret)
		if err != nil {
			return fmt.Errorf("--admin-key: %w", err)
		}
		pair, err := tls.X509KeyPair(cert, key)
		if err != nil {
			return fmt.Errorf("--admin-cert, --admin-key: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	client.Transport = &http.Transport{TLSClientConfig: c, Proxy: http.ProxyFromEnvironment}
	return nil
}

// request is a request to the admin listener.
func (a *adminClient) request(ctx context.Context, method, path string, ask url.Values) (*http.Request, error) {
	target := a.address
	if !strings.Contains(target, "://") {
		target = "http://" + target
	}
	target = strings.TrimSuffix(target, "/") + path
	if len(ask) > 0 {
		target += "?" + ask.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, method, target, nil)
	if err != nil {
		return nil, fmt.Errorf("--admin: %w", err)
	}
	token := os.Getenv(tokenVariable)
	if a.tokenFile != "" {
		text, err := readNamed(a.tokenFile, mostSecret)
		if err != nil {
			return nil, fmt.Errorf("--token-file: %w", err)
		}
		token = string(text)
	}
	if token = strings.TrimSpace(token); token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return r, nil
}

// ask sends a request, and gives the answer to whoever wants its body. What the listener refuses is an error in its words.
func (a *adminClient) ask(r *http.Request, client *http.Client) (*http.Response, error) {
	if client.Transport == nil {
		if err := a.secure(client); err != nil {
			return nil, err
		}
	}
	// The listener leads nobody elsewhere, and what does must not get the token.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := client.Do(r)
	if err != nil {
		hint := ""
		if unknown := (x509.UnknownAuthorityError{}); errors.As(err, &unknown) {
			hint = ": name the file with its authority by --admin-ca"
		}
		if other := (x509.HostnameError{}); errors.As(err, &other) {
			hint = ": name one of these by --admin-name"
		}
		return nil, fmt.Errorf("ask the admin listener (--admin): %w%s", err, hint)
	}
	if resp.StatusCode < http.StatusMultipleChoices {
		return resp, nil
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	var p struct{ Error string }
	if err != nil || json.Unmarshal(body, &p) != nil || p.Error == "" {
		p.Error = fmt.Sprintf("%s%s says %s: is this an admin listener (--admin)?", r.URL.Host, r.URL.Path, shorten(resp.Status, 100))
		if elsewhere := resp.Header.Get("Location"); elsewhere != "" {
			p.Error += fmt.Sprintf(" It leads to %s, which is not asked", shorten(elsewhere, 200))
		}
	}
	// A listener says so by HTTP/1.0. What comes by another version, a tier has fetched from its application, and TLS is between those.
	if resp.StatusCode == http.StatusBadRequest && resp.Proto == "HTTP/1.0" && strings.Contains(string(body), wantsTLS) {
		p.Error = fmt.Sprintf("%s speaks TLS: ask it by --admin https://%s, with --admin-ca if its authority is your own", r.URL.Host, r.URL.Host)
	}
	if resp.StatusCode == http.StatusUnauthorized && r.Header.Get("Authorization") == "" {
		p.Error += ": give a file with one by --token-file"
	}
	return nil, &adminError{resp.StatusCode, errors.New(printable(p.Error))}
}

// answer sends a request, and reads the JSON of the answer, which has so many bytes at most. Known tells whether what was read is
// more than any JSON would be.
func (a *adminClient) answer(r *http.Request, client *http.Client, most int64, into any, known func() bool) (status int, err error) {
	resp, err := a.ask(r, client)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	body := &io.LimitedReader{R: resp.Body, N: most}
	err = json.NewDecoder(body).Decode(into)
	switch {
	case err != nil && body.N == 0:
		err = fmt.Errorf("it is larger than %d MiB", most>>20)
	case err == nil && !known():
		err = errors.New("it says nothing that one would")
	}
	if err != nil {
		return 0, fmt.Errorf("the answer of %s%s is not that of an admin listener (--admin): %w", r.URL.Host, r.URL.Path, err)
	}
	return resp.StatusCode, nil
}

// wantsTLS is what net/http says, not in JSON, to who asks a listener with TLS in clear text.
const wantsTLS = "HTTP request to an HTTPS server"

// adminError is what the admin listener says that it does not do.
type adminError struct {
	status int
	error
}
