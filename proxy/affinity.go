package proxy

import (
	"strconv"
	"strings"
	"time"

	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/routing"
	"github.com/wafer-waf/wafer/socket"
	"github.com/wafer-waf/wafer/upstream"
)

// affine says to the upstream what of the request decides which endpoint is asked, if anything does.
func (x *exchange) affine() {
	x.up.Key, x.up.Keyed, x.up.Token, x.up.Named = 0, false, "", ""
	switch a := x.pool.Affinity(); a.By {
	case upstream.ByNothing:
	case upstream.ByClient: // who has a network of IPv6 has as many addresses as it likes, and changes them
		network := socket.Household(x.view.client).Addr().As16()
		x.up.KeyOf(string(network[:]))
	case upstream.ByPath:
		x.scratch = routing.CanonicalPath(x.scratch[:0], x.view.Target)
		x.up.KeyOf(string(x.scratch))
	case upstream.ByHeader:
		if value := x.view.Fields.Get(a.Name); value != "" {
			x.up.KeyOf(value)
		}
	case upstream.ByCookie:
		if value := cookie(x.view.Fields, a.Name); value != "" {
			x.up.KeyOf(value)
		}
	case upstream.ByToken:
		x.up.Token = cookie(x.view.Fields, a.Name)
	}
}

// cookie returns the value of the first cookie with that name, or nothing.
func cookie(fields message.Fields, name string) string {
	for i := range fields {
		if !fields[i].Is("Cookie") {
			continue
		}
		for rest := fields[i].Value; rest != ""; {
			var pair string
			pair, rest, _ = strings.Cut(rest, ";")
			if key, value, ok := strings.Cut(pair, "="); ok && strings.Trim(key, " \t") == name {
				return strings.Trim(value, " \t")
			}
		}
	}
	return ""
}

// addCookie has the client come back to the endpoint that has answered, if its cookie does not do so.
func (x *exchange) addCookie() {
	if x.up.Named == "" || x.up.Named == x.up.Token {
		return
	}
	a := x.pool.Affinity()
	value := a.Name + "=" + x.up.Named + "; Path=/; HttpOnly; SameSite=" + a.SameSite
	if a.MaxAge > 0 {
		value += "; Max-Age=" + strconv.Itoa(int(a.MaxAge/time.Second))
	}
	if x.view.isSecure() {
		value += "; Secure"
	}
	x.response.Fields = append(x.response.Fields, message.Field{Name: "Set-Cookie", Value: value})
}
