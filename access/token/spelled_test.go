package token

import (
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/message"
)

// TestSpelled has a parameter stand where the tier looks, and one of another spelling beside it that an application takes
// for the same: that is one too many, and neither is forwarded where the token is removed.
func TestSpelled(t *testing.T) {
	places := []Place{{Query: "access_token"}, {Cookie: "access_token"}}
	for _, second := range []string{
		"access.token=E", "access%20token=E", "access+token=E", "%20access_token=E", "access_token%00x=E", "access_token[]=E",
		"access[token=E", "ACCESS_TOKEN=E", "access%5ftoken=E", "x=1;access_token=E", "x;y=2;access.token=E", "amp;access_token=E",
	} {
		target := "/?access_token=V&" + second + "&x=1"
		if c := carriedIn(places, nil, target); !c.many {
			t.Errorf("%s: one token, %q", target, c.text)
		}
		if left := Without(target, "access_token"); left != "/?x=1" {
			t.Errorf("%s: %s is forwarded", target, left)
		}
		if strings.Contains(second, ";") {
			continue
		}
		c := carriedIn(places, message.Fields{{Name: "Cookie", Value: "access_token=V; " + second}}, "/")
		if !c.many {
			t.Errorf("cookie %s: one token, %q", second, c.text)
		}
	}
	for _, other := range []string{"accesstoken=E", "access-token=E", "token=E", "[access_token]=E", "xaccess_token=E", "x=access_token", "access_token2=E"} {
		target := "/?access_token=V&" + other
		if c := carriedIn(places, nil, target); c.many || c.text != "V" {
			t.Errorf("%s: many %v, %q", target, c.many, c.text)
		}
		if left := Without(target, "access_token"); left != "/?"+other {
			t.Errorf("%s: %s is forwarded", target, left)
		}
	}
}
