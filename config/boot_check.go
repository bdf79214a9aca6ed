package config

import (
	"fmt"
	"net"
	"reflect"
	"slices"
	"strings"
	"time"
)

// check adds what is wrong with the settings, each at the place its value comes from.
func (l *bootLoader) check() {
	b := &l.boot
	l.addErr("listen", checkListen(b.Listen))
	if b.Admin != "" {
		l.addErr("admin", checkListen(b.Admin))
		if b.Admin == b.Listen && len(b.Listeners) == 0 && !strings.HasSuffix(b.Listen, ":0") {
			l.add("admin", "%s is the traffic listener's address too: give each its own", b.Admin)
		}
	}
	l.checkAdminAccess()
	l.checkRecent()
	l.checkListeners()
	switch {
	case b.Routes != "" && b.To != "":
		l.add("to", "%s and %s exclude each other: keep one", l.name("routes"), l.name("to"))
	case b.Routes == "" && b.To == "":
		l.add("routes", "required: give a route file (--routes FILE) or a backend (--to http://host:port)")
	case b.To != "":
		l.addErr("to", checkEndpoint(b.To))
	}
	for _, s := range settings {
		if words := wordsAt(reflect.TypeFor[Boot](), s.path); len(words) > 0 && valueAt(reflect.ValueOf(*b), s.path).Kind() != reflect.Slice {
			oneOf(l, s.path, formatValue(valueAt(reflect.ValueOf(*b), s.path)), words)
		}
	}
	l.notNegative("reload.interval", b.Reload.Interval)
	l.notNegative("reload.jitter", b.Reload.Jitter)
	for i, peer := range b.LastGood.Peers {
		l.addErr(indexPath("last_good.peers", i), checkPeer(peer))
	}
	if len(b.LastGood.Peers) > 0 && b.Admin == "" {
		l.add("last_good.peers", "peers ask the admin listener, and there is none: set admin")
	}
	if b.Limits.Connections < 1 {
		l.add("limits.connections", "%d is too small: at least 1", b.Limits.Connections)
	}
	if h := b.Limits.Head; h < 4*KiB || h > 1*MiB {
		l.add("limits.head", "%s is out of range: %s to %s", h, 4*KiB, 1*MiB)
	}
	if b.Limits.ConnectionsPerClient < 0 {
		l.add("limits.connections_per_client", "%d is too small: at least 0", b.Limits.ConnectionsPerClient)
	}
	if b.Limits.Inspections < 0 {
		l.add("limits.inspections", "%d is too small: at least 0", b.Limits.Inspections)
	}
	if m := b.Limits.Memory; m != 0 && m < 4*MiB {
		l.add("limits.memory", "%s is too small: at least %s, or 0", m, 4*MiB)
	}
	l.checkHTTP2()
	l.checkStore()
	l.checkTraces()
	l.checkMasking()
	l.checkMetrics()
	l.checkEvents()
	l.checkRecords()
	l.checkOutputs()
	if b.ProxyProtocol == On && len(b.TrustedProxies) == 0 {
		l.addBy([]string{"trusted_proxies"}, "proxy_protocol", "on needs trusted_proxies: nobody else's header is believed")
	}
	l.positive("timeout.head", b.Timeout.Head)
	l.positive("timeout.body", b.Timeout.Body)
	l.positive("timeout.write", b.Timeout.Write)
	l.positive("timeout.idle", b.Timeout.Idle)
	l.addErr("client_address_header", checkHeaderName(b.ClientAddressHeader))
	l.notNegative("drain_delay", b.DrainDelay)
	l.positive("shutdown_grace", b.ShutdownGrace)
}

func (l *bootLoader) checkHTTP2() {
	limits := &l.boot.Limits.HTTP2
	for _, n := range []struct {
		key   string
		value int
	}{{"streams", limits.Streams}, {"resets", limits.Resets}, {"control_frames", limits.ControlFrames}} {
		if n.value < 1 || n.value > 1_000_000 {
			l.add("limits.http2."+n.key, "%d is out of range: 1 to 1000000", n.value)
		}
	}
	if w := limits.Window; w < 16*KiB || w > 1*MiB {
		l.add("limits.http2.window", "%s is out of range: %s to %s", w, 16*KiB, 1*MiB)
	}
}

// BootWords returns the words that flags of boot settings can have, of those that take words, by flag.
func BootWords() map[string][]string {
	byFlag := map[string][]string{}
	for _, s := range settings {
		if words := wordsAt(reflect.TypeFor[Boot](), s.path); len(words) > 0 {
			byFlag[s.flag] = words
		}
	}
	return byFlag
}

// name is what the user calls a setting: the flag, variable or key that gave its value.
func (l *bootLoader) name(path string) string {
	if o, ok := l.origin[path]; ok {
		return o.Path
	}
	return path
}

func (l *bootLoader) add(path, format string, args ...any) {
	for at := path; at != ""; at = parentPath(at) {
		if slices.Contains(l.broken, at) {
			return
		}
	}
	p, ok := l.origin[path]
	if !ok {
		p = (&Boot{places: l.origin}).At(path)
	}
	p.What = fmt.Sprintf(format, args...)
	l.problems = append(l.problems, p)
}

// addBy is add of a problem that rests on what other keys say: where one of them could not be read, or a part of it, nobody knows.
func (l *bootLoader) addBy(others []string, path, format string, args ...any) {
	for _, other := range others {
		for _, at := range l.broken {
			if at == other || below(at, other) || below(other, at) {
				return
			}
		}
	}
	l.add(path, format, args...)
}

// below reports whether a key path is of something within what another one is of.
func below(path, of string) bool {
	rest, ok := strings.CutPrefix(path, of)
	return ok && rest != "" && (rest[0] == '.' || rest[0] == '[')
}

func (l *bootLoader) addErr(path string, err error) {
	if err != nil {
		l.add(path, "%s", err)
	}
}

func (l *bootLoader) positive(path string, d time.Duration) {
	if d <= 0 {
		l.add(path, "%s is too short: it must be longer than 0", d)
	}
}

func (l *bootLoader) notNegative(path string, d time.Duration) {
	if d < 0 {
		l.add(path, "%s is negative", d)
	}
}

// checkPeer accepts host:port.
func checkPeer(address string) error { return checkAddress(address, "wafer-admin:9090") }

// checkAddress accepts host:port, and shows those who write something else an example.
func checkAddress(address, example string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil || host == "" {
		return fmt.Errorf("%q is not host:port: write it like %s", address, example)
	}
	if err := checkPort(port); err != nil {
		return err
	}
	if net.ParseIP(host) != nil {
		return nil
	}
	if err := checkName(strings.ToLower(host)); err != nil {
		return fmt.Errorf("host %q %w", host, err)
	}
	return nil
}

// checkListen accepts host:port, :port and [::1]:port. Port 0 lets the system choose.
func checkListen(address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("%q is not host:port: write it like :8080 or 127.0.0.1:8080", address)
	}
	if port != "0" {
		if err := checkPort(port); err != nil {
			return err
		}
	}
	if host == "" || net.ParseIP(host) != nil {
		return nil
	}
	if err := checkName(strings.ToLower(host)); err != nil {
		return fmt.Errorf("host %q %w", host, err)
	}
	return nil
}
