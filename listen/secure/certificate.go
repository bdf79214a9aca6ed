package secure

import (
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/wafer-waf/wafer/identity"
)

// certificate is one of a listener's, with its key.
type certificate struct {
	tls   *tls.Certificate
	names []string  // in lower case; "*.example.com" among them
	text  [2][]byte // that it was read from
}

// parsePair reads a certificate with those that lead to its authority, and its key. The name says which of the two
// texts an error is about.
func parsePair(cert, key []byte) (c *certificate, about string, err error) {
	chain, err := identity.Certificates(cert)
	if err != nil {
		return nil, "cert", err
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, "key", plainly(err)
	}
	c = &certificate{tls: &pair, text: [2][]byte{cert, key}}
	c.tls.Leaf = chain[0]
	for _, name := range chain[0].DNSNames {
		c.names = append(c.names, strings.ToLower(strings.TrimSuffix(name, ".")))
	}
	return c, "", nil
}

// plainly says what is wrong with a key in words that help who has to put it right.
func plainly(err error) error {
	switch text := strings.TrimPrefix(err.Error(), "tls: "); {
	case strings.Contains(text, "does not match"):
		return errors.New("the key is not the certificate's")
	case strings.Contains(text, "find any PEM data"), strings.Contains(text, "find PEM block"):
		return errors.New("no key in it: PEM begins with -----BEGIN PRIVATE KEY-----, and a key with a passphrase cannot be read")
	case strings.Contains(text, "found a certificate rather than a key"):
		return errors.New("a certificate, and no key in it: PEM begins with -----BEGIN PRIVATE KEY-----")
	default:
		return errors.New(text)
	}
}

// checkDates says whether a certificate is valid now.
func (c *certificate) checkDates(now time.Time) error {
	const day = "2006-01-02 15:04 MST"
	switch leaf := c.tls.Leaf; {
	case now.After(leaf.NotAfter):
		return fmt.Errorf("the certificate has expired on %s", leaf.NotAfter.UTC().Format(day))
	case now.Before(leaf.NotBefore):
		return fmt.Errorf("the certificate is not valid before %s", leaf.NotBefore.UTC().Format(day))
	}
	return nil
}

// names lead from a name to the certificates that have it, those that come first in the configuration first.
type names struct {
	exact     map[string][]*certificate
	wildcards map[string][]*certificate // by what follows "*."
	byDefault []*certificate            // one, or none
}

func index(all []*certificate) *names {
	n := &names{exact: map[string][]*certificate{}, wildcards: map[string][]*certificate{}}
	for _, c := range all {
		if c == nil {
			continue
		}
		if n.byDefault == nil {
			n.byDefault = []*certificate{c}
		}
		for _, name := range c.names {
			if parent, ok := strings.CutPrefix(name, "*."); ok {
				n.wildcards[parent] = append(n.wildcards[parent], c)
			} else {
				n.exact[name] = append(n.exact[name], c)
			}
		}
	}
	return n
}

// find returns the certificates for a name, the exact ones before those with a wildcard, which stands for one label.
func (n *names) find(name string) []*certificate {
	if list := n.exact[name]; list != nil {
		return list
	}
	_, parent, _ := strings.Cut(name, ".")
	return n.wildcards[parent]
}

// choose returns the first of the certificates that a client can verify, or else the first one: one name may have
// several, for different kinds of keys.
func choose(list []*certificate, hello *tls.ClientHelloInfo) *tls.Certificate {
	for _, c := range list {
		if len(list) > 1 && hello.SupportsCertificate(c.tls) != nil {
			continue
		}
		return c.tls
	}
	if len(list) == 0 {
		return nil
	}
	return list[0].tls
}
