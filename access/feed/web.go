package feed

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Web is a URL that a list comes from.
type Web struct {
	URL     string
	Headers [][2]string // sent to the host of the URL, and to no other
	Timeout time.Duration
	Roots   *x509.CertPool // nil: the system's

	Key          *PublicKey // whose signature the text has to have; nil: none is asked for
	SignatureURL string
	SHA256       string // of the only text that is taken, in hex; empty: any
}

// NewPool reads certificates of authorities.
func NewPool(pem []byte) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New("no certificate in it")
	}
	return pool, nil
}

// shown is the URL without what may be a secret in it.
func (w *Web) shown() string {
	u, err := url.Parse(w.URL)
	if err != nil {
		return ""
	}
	if u.RawQuery != "" {
		u.RawQuery = "…"
	}
	return u.Redacted()
}

const (
	mostRedirects    = 5
	longestSignature = 4096
)

// statusError is an answer that is no list.
type statusError struct {
	status int
	after  time.Duration // the server wants to be left alone for so long
}

func (e *statusError) Error() string {
	return fmt.Sprintf("answered with status %d %s", e.status, http.StatusText(e.status))
}

// get asks for the text, unless it is the version that is known, for which it returns errSame.
func (w *Web) get(ctx context.Context, known validators, most int64) (text, error) {
	ctx, cancel := context.WithTimeout(ctx, w.Timeout)
	defer cancel()
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{RootCAs: w.Roots, MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2: true, MaxResponseHeaderBytes: 64 << 10, DisableKeepAlives: w.Key == nil,
	}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, CheckRedirect: w.redirected}

	response, err := w.ask(ctx, client, w.URL, known)
	if err != nil {
		return text{}, w.told(err)
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusNotModified && known.SHA256 != [32]byte{} {
		return text{}, errSame
	}
	if response.StatusCode != http.StatusOK {
		return text{}, &statusError{response.StatusCode, retryAfter(response.Header)}
	}
	data, err := limited(response, most)
	if err == nil {
		err = ctx.Err() // a server that sees the connection end may call what it has sent the whole
	}
	if err != nil {
		return text{}, w.told(err)
	}
	got := text{data: string(data), validators: validators{
		ETag: bounded(response.Header.Get("ETag")), LastModified: bounded(response.Header.Get("Last-Modified")), SHA256: sha256.Sum256(data),
	}}
	if got.validators.SHA256 == known.SHA256 {
		return got, nil // was verified when it came
	}
	if written, err := http.ParseTime(got.validators.LastModified); err == nil && written.Before(time.Now()) {
		got.saved = written
	}
	return got, w.verify(ctx, client, data, got.validators.SHA256)
}

func (w *Web) verify(ctx context.Context, client *http.Client, data []byte, sum [32]byte) error {
	if is := fmt.Sprintf("%x", sum); w.SHA256 != "" && !strings.EqualFold(is, w.SHA256) {
		return fmt.Errorf("its SHA-256 is %s, not the configured one", is)
	}
	if w.Key == nil {
		return nil
	}
	response, err := w.ask(ctx, client, cmp.Or(w.SignatureURL, w.URL+".minisig"), validators{})
	if err != nil {
		return fmt.Errorf("signature: %w", w.told(err))
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("signature: %w", &statusError{status: response.StatusCode})
	}
	signature, err := limited(response, longestSignature)
	if err != nil {
		return fmt.Errorf("signature: %w", w.told(err))
	}
	return w.Key.Verify(data, signature)
}

func (w *Web) ask(ctx context.Context, client *http.Client, url string, known validators) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", "wafer")
	if known.ETag != "" {
		request.Header.Set("If-None-Match", known.ETag)
	} else if known.LastModified != "" {
		request.Header.Set("If-Modified-Since", known.LastModified)
	}
	for _, h := range w.Headers {
		request.Header.Set(h[0], h[1])
	}
	return client.Do(request)
}

// redirected follows a few redirects, none of them out of TLS, and takes no secrets to other hosts.
func (w *Web) redirected(next *http.Request, via []*http.Request) error {
	switch first := via[0].URL; {
	case len(via) > mostRedirects:
		return fmt.Errorf("more than %d redirects", mostRedirects)
	case first.Scheme == "https" && next.URL.Scheme != "https":
		return errors.New("a redirect from https to http")
	case next.URL.Host != first.Host:
		for _, h := range w.Headers {
			next.Header.Del(h[0])
		}
	}
	return nil
}

// told is an error without the URL, which stands beside it and may hold a secret.
func (w *Web) told(err error) error {
	var of *url.Error
	if errors.As(err, &of) {
		err = of.Err
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("not there within %s", w.Timeout)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the answer breaks off")
	case errors.Is(err, io.EOF):
		return errors.New("the connection ended without an answer")
	}
	return err
}

// limited reads an answer that is no longer than it may be.
func limited(response *http.Response, most int64) ([]byte, error) {
	if response.ContentLength > most {
		return nil, fmt.Errorf("%d bytes are more than max_size, %d", response.ContentLength, most)
	}
	data, err := io.ReadAll(io.LimitReader(response.Body, most+1))
	if err == nil && int64(len(data)) > most {
		err = fmt.Errorf("more bytes than max_size, %d", most)
	}
	return data, err
}

// bounded is a field that is sent back later, if it is not too long for that.
func bounded(field string) string {
	if len(field) > 1024 {
		return ""
	}
	return field
}

func retryAfter(h http.Header) time.Duration {
	const longest = 24 * time.Hour
	value := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 32); err == nil {
		return min(time.Duration(seconds)*time.Second, longest)
	}
	if at, err := http.ParseTime(value); err == nil {
		return min(max(time.Until(at), 0), longest)
	}
	return 0
}
