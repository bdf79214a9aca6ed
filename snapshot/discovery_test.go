package snapshot

import (
	"errors"
	"testing"

	"github.com/wafer-waf/wafer/upstream/discover"
)

func TestServicesAreFound(t *testing.T) {
	var asked []string
	find := Services(func(ref string) (discover.Source, error) {
		asked = append(asked, ref)
		if ref == "shop/none:http" {
			return nil, errors.New("no cluster")
		}
		return discover.Unasked(ref), nil
	})
	if s, err := find.sources(""); len(s) != 0 || err != nil || len(asked) != 0 {
		t.Errorf("an upstream without a Service asks for %q: %v, %v", asked, s, err)
	}
	if s, err := find.sources("shop/orders:http"); len(s) != 1 || s[0].String() != "shop/orders:http" || err != nil {
		t.Errorf("%v, %v", s, err)
	}
	about := new(serviceError)
	if _, err := find.sources("shop/none:http"); !errors.As(err, &about) {
		t.Errorf("no cluster: %v", err)
	}
	if s, err := Services(nil).sources("shop/none:http"); len(s) != 1 || err != nil {
		t.Errorf("where nobody looks for it: %v, %v", s, err)
	}
}
