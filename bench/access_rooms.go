package main

import (
	"fmt"
	"time"
)

// room is an access policy with one thing turned on.
type room struct {
	name   string
	lists  string // of the route file
	policy string // what stands in the access policy
	rules  string // of the policy, which inspects then; "": it does not
	store  bool   // it takes one
	sends  string // which requests are measured; "": those that show nothing of who they are from

	provokes string // what is sent a few times before
	refused  string // a request that is refused then
	status   int    // with that
	server   *server
}

// rooms are what "bench access" compares.
var rooms = []room{
	{name: "none"},
	{name: "rules", refused: plain("GET", "/admin", ""), status: 403, policy: `
    rules:
      - { id: office, when: { addresses: [10.0.0.0/8, "2001:db8::/32"] }, then: always_allow }
      - { id: admin, when: { paths: [{ prefix: /admin }], not: { addresses: [10.0.0.0/8] } }, then: deny }
      - { id: scrapers, when: { user_agents: ["(?i)scrapy", "(?i)httrack"] }, then: deny }
      - { id: debug, when: { headers: [{ name: X-Debug, present: true }] }, then: deny }`},
	{name: "a list of a million", refused: plain("GET", "/", ""), status: 403, lists: "lists: [{ id: million, file: million.txt }]\n", policy: `
    rules: [{ id: listed, when: { addresses: [million] }, then: deny }]`},
	{name: "a country, a network", refused: plain("GET", "/", ""), status: 403, lists: "geo: { country: places.mmdb, asn: places.mmdb }\n", policy: `
    rules:
      - { id: abroad, when: { not: { countries: [DE] } }, then: deny }
      - { id: hosters, when: { asns: [AS64511] }, then: deny }`},
	{name: "two limits", provokes: narrow, refused: narrow, status: 429, policy: `
    limits: [` + limit("a", "client", "none") + `, ` + limit("b", "path", "none") + `, ` + narrowLimit("none") + `]`},
	{name: "a limit, shared", store: true, provokes: narrow, refused: narrow, status: 429, policy: `
    limits: [` + limit("a", "client", "local") + `, ` + narrowLimit("local") + `]`},
	{name: "a limit, exact", store: true, provokes: narrow, refused: narrow, status: 429, policy: `
    limits: [` + limit("a", "client", "exact") + `, ` + narrowLimit("exact") + `]`},
	{name: "a ban", provokes: plain("GET", "/status/404", ""), refused: plain("GET", "/", ""), status: 403, policy: `
    bans: [{ id: scanners, statuses: [404], count: 5, for: 1h }]`},
	{name: "a ban, shared", store: true, provokes: plain("GET", "/status/404", ""), refused: plain("GET", "/", ""), status: 403, policy: `
    bans: [{ id: scanners, statuses: [404], count: 5, for: 1h }]`},
	{name: "with a key", sends: "key"},
	{name: "an API key", sends: "key", refused: plain("GET", "/", ""), status: 401, policy: `
    api_keys: { mode: required, from: [{ header: X-Api-Key }], file: keys.txt }`},
	{name: "with a token", sends: "token"},
	{name: "a JSON Web Token", sends: "token", refused: plain("GET", "/", "Authorization: Bearer a.b.c\r\n"), status: 401, policy: `
    tokens:
      mode: required
      issuers: [{ issuer: "` + issuer + `", audiences: [bench], jwks_file: issuer.json }]`},
	{name: "with a cookie", sends: "cookie"},
	{name: "a challenge", sends: "cookie", refused: plain("GET", "/", "Accept: text/html\r\n"), status: 429, policy: `
    challenge: { keys: ["${file:challenge.key}"], otherwise: deny }
    rules: [{ id: browsers, then: challenge }]`},
	{name: "inspection", rules: `SecMarker NOTHING`, refused: plain("GET", "/?q=%3Cscript%3Ealert(1)%3C/script%3E", ""), status: 403},
	{name: "and a counter", rules: ruleCounter, provokes: narrow, refused: narrow, status: 429},
	{name: "and a counter, shared", rules: ruleCounter, store: true, provokes: narrow, refused: narrow, status: 429},
	{name: "logins, inspected", sends: "login", rules: `SecMarker NOTHING`, refused: plain("GET", "/?q=%3Cscript%3Ealert(1)%3C/script%3E", ""), status: 403},
	{name: "and counted", sends: "login", rules: `SecMarker NOTHING`, provokes: failing, refused: failing, status: 429, policy: `
    login: { paths: [{ exact: /login }, { exact: /status/401 }], account: { form: username } }`},
}

// ruleCounter counts the requests of each client in a collection of rules.
const ruleCounter = `SecAction "id:100001,phase:1,pass,nolog,initcol:ip=%{REMOTE_ADDR},setvar:ip.n=+1,expirevar:ip.n=60"
          SecRule REQUEST_FILENAME "@streq /narrow" "id:100002,phase:1,pass,nolog,setvar:ip.narrow=+1"
          SecRule IP:narrow "@gt 3" "id:100003,phase:1,deny,status:429"`

func limit(id, part, share string) string {
	return fmt.Sprintf("{ id: %s, rate: 1000000/s, key: [%s], share: %s }", id, part, share)
}

// narrowLimit is one that what is measured does not come near.
func narrowLimit(share string) string {
	return "{ id: narrow, when: { paths: [{ exact: /narrow }] }, rate: 1/h, share: " + share + " }"
}

// The client who is refused, and the network that the databases have elsewhere.
const (
	stranger  = "198.51.100.66"
	strangers = "198.51.100.0/24"
)

// plain is a request of that client.
func plain(method, target, fields string) string {
	return method + " " + target + " HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: bench\r\nX-Forwarded-For: " + stranger + "\r\n" + fields + "\r\n"
}

var (
	narrow  = plain("GET", "/narrow", "")
	failing = plain("POST", "/status/401", "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 23\r\n") + "username=ann&password=x"
)

// refuses says what is wrong if the tier of a room lets through what it is there to refuse. What is counted with a
// response may be known a moment later.
func (r *room) refuses() error {
	if r.refused == "" {
		return nil
	}
	c := &client{addr: r.server.addr}
	defer c.close()
	if r.provokes != "" {
		for range 12 {
			if _, err := c.do([]byte(r.provokes)); err != nil {
				return fmt.Errorf("%s: %w", r.name, err)
			}
		}
	}
	status := 0
	for range 100 {
		var err error
		if status, err = c.do([]byte(r.refused)); err != nil || status == r.status {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
	return fmt.Errorf("%s: status %d, want %d, for\n%s", r.name, status, r.status, r.refused)
}
