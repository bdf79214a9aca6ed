package corpus

import (
	"encoding/base64"
	"fmt"
	"strconv"
)

const jsonType = "application/json"

func (a *author) base64(n int) string { return base64.StdEncoding.EncodeToString(a.bytes(n)) }

func (a *author) post(kind, target string, v any) Request {
	return a.call(kind, "POST", target).with(a.one([]string{jsonType, jsonType, "application/json; charset=utf-8"}), encode(v))
}

// order is about 2 KB with some 90 values.
func (a *author) order() Request {
	var items []object
	for range 7 {
		items = append(items, object{
			"sku": fmt.Sprintf("SH-%05d", a.IntN(100000)), "name": a.title(), "quantity": a.between(1, 5), "description": a.proseOf(24),
			"price":   object{"amount": a.between(990, 20990), "currency": "EUR"},
			"options": object{"size": a.between(36, 48), "gift": a.chance(50)},
			"tags":    []string{a.one(materials), a.one(colors)},
		})
	}
	return a.post("order", "/api/orders", object{
		"order": object{
			"id": a.uuid(), "created": a.iso(), "items": items,
			"shipping": object{"method": "standard", "address": object{
				"name": a.name(), "street": a.street(), "city": a.one(cities), "postcode": strconv.Itoa(a.between(10000, 99999)), "country": a.one(countries),
			}},
		},
		"customer": object{"id": a.IntN(100000), "email": a.email(), "loyalty": object{"level": a.one([]string{"silver", "gold"}), "points": a.IntN(5000)}},
		"notes":    []string{a.one(sentencesEnglish), a.one(sentencesEnglish)},
		"consent":  object{"terms": true, "newsletter": a.chance(50)},
	})
}

// event is a flat object, as analytics and telemetry send them.
func (a *author) event() Request {
	return a.post("event", "/api/v1/events", object{
		"event": a.one([]string{"page_view", "add_to_cart", "scroll", "video.play"}), "id": a.uuid(), "session": a.hex(24), "at": a.moment().UnixMilli(),
		"url": a.url(), "referrer": a.referer(), "title": a.title() + " | Shop", "screen": fmt.Sprintf("%dx%d", a.between(360, 2560), a.between(640, 1440)),
		"language": "de-DE", "dpr": 1.25, "value": float64(a.between(100, 99999)) / 100, "bot": false, "experiment": nil, "agent": clients[a.IntN(len(clients))].agent,
	})
}

// settings is a deep object.
func (a *author) settings() Request {
	return a.call("settings", "POST", "/api/v1/users/"+a.uuid()+"/settings").with(jsonType, encode(object{
		"person":        object{"displayName": a.name(), "bio": a.prose(a.between(1, 3)), "links": []object{{"rel": "home", "href": a.url()}, {"rel": "photo", "href": a.url()}}},
		"notifications": object{"email": object{"weekly": true, "offers": a.chance(50), "quiet": object{"from": "22:00", "to": "07:30", "zone": "Europe/Berlin"}}, "push": object{"enabled": a.chance(50), "tokens": []string{a.alnum(140)}}},
		"security":      object{"twoFactor": object{"method": "totp", "since": a.iso()}, "sessions": []object{{"id": a.uuid(), "agent": clients[a.IntN(len(clients))].agent, "seen": a.iso(), "ip": fmt.Sprintf("192.0.2.%d", a.IntN(255))}}},
		"ui":            object{"theme": "dark", "columns": []string{"id", "name", "created_at", "status"}, "pinned": []int{a.IntN(99), a.IntN(99)}},
	}))
}

// bulk is about 12 KB with some 270 values.
func (a *author) bulk() Request {
	var list []object
	for range 22 {
		list = append(list, a.record(300))
	}
	return a.post("bulk", "/api/v1/products/import", list)
}

// record is a product of 12 values; its description has that many bytes.
func (a *author) record(description int) object {
	return object{
		"id": a.uuid(), "sku": fmt.Sprintf("SH-%05d", a.IntN(100000)), "name": a.title(), "description": a.markup(description)[:description],
		"price": float64(a.between(100, 99999)) / 100, "currency": "EUR", "stock": a.between(0, 500), "active": a.chance(80),
		"created": a.iso(), "image": a.url(), "tags": []string{a.one(materials), a.one(sections)},
	}
}

// graphql is a query with variables, in line, or known to the server by its hash. Rules take
// the first kind for attacks more often than not.
func (a *author) graphql() Request {
	type query struct {
		name any
		text string
	}
	q := [...]query{
		{"Product", "query Product($id: ID!, $first: Int = 10) {\n  product(id: $id) {\n    id\n    name\n    price { amount currency }\n    reviews(first: $first, orderBy: {field: CREATED_AT, direction: DESC}) {\n      edges { node { id rating text author { name } } }\n      pageInfo { hasNextPage endCursor }\n    }\n  }\n}"},
		{"AddToCart", "mutation AddToCart($input: AddToCartInput!) {\n  addToCart(input: $input) {\n    cart { id lines { quantity product { ...ProductCard } } total }\n    errors { field message }\n  }\n}\nfragment ProductCard on Product { id name images(first: 1) { src alt } }"},
		{nil, "{ viewer { login, orders(last: 5, status: [OPEN, SHIPPED]) { totalCount nodes { number createdAt } } } }"},
		{nil, "{\n  product(id: " + strconv.Itoa(a.between(1000, 99999)) + ") {\n    name\n    stock\n    variants { sku color size }\n  }\n}"},
		{"Categories", "query Categories {\n  categories(depth: 2) {\n    __typename\n    name\n    children { name productCount }\n  }\n}"},
	}[a.IntN(5)]
	body := object{"operationName": q.name, "query": q.text, "variables": object{}}
	switch {
	case a.chance(40):
		body = object{"operationName": q.name, "extensions": object{"persistedQuery": object{"version": 1, "sha256Hash": a.hex(64)}}, "variables": a.variables()}
	case q.name != nil:
		body["variables"] = a.variables()
	}
	return a.post("graphql", "/graphql", body)
}

func (a *author) variables() object {
	return object{"id": a.base64(12), "first": a.between(1, 50), "text": a.query(), "input": object{"productId": a.base64(12), "quantity": a.between(1, 4), "note": a.one(sentencesEnglish)}}
}

// article is text with markup, and text in Markdown.
func (a *author) article() Request {
	return a.post("article", "/api/v1/articles", object{
		"title": a.one(sentencesEnglish), "slug": a.slug(), "html": a.markup(a.between(500, 3000)), "published": a.iso(),
		"markdown": "# " + a.title() + "\n\n" + a.prose(3) + "\n\n* [" + a.title() + "](" + a.url() + ")\n* `" + a.one(sections) + "`\n\n> " + a.one(sentencesEnglish),
		"author":   object{"name": a.name(), "email": a.email()},
	})
}

// thumbnail is a picture within JSON; some write it as a URL of scheme data, which rules
// take for an attack.
func (a *author) thumbnail() Request {
	image := "iVBORw0KGgo" + a.base64(a.between(1500, 6000))
	if a.chance(10) {
		image = "data:image/png;base64," + image
	}
	return a.post("thumbnail", "/api/v1/avatars", object{
		"name": a.slug() + ".png", "type": "image/png", "crop": object{"x": a.IntN(100), "y": a.IntN(100), "scale": 0.75}, "image": image,
	})
}

// foreign is text in the scripts that people write.
func (a *author) foreign() Request {
	text := a.one(sentencesForeign)
	for range a.IntN(5) {
		text += " " + a.one(sentencesForeign)
	}
	if a.chance(50) {
		return a.browse("languages", "POST", "/contact").with(formType, encodeForm([]pair{{"subject", a.one(sentencesForeign)}, {"name", a.name()}, {"message", text}, {"email", a.email()}}))
	}
	return a.post("languages", "/api/v1/messages", object{"to": a.uuid(), "subject": a.one(sentencesForeign), "text": text, "at": a.iso(), "read": false})
}

// ping is the smallest document: 100 bytes.
func (a *author) ping() Request {
	return a.post("json-100B", "/api/v1/ping", object{"event": "view", "id": a.uuid(), "page": a.one(products), "n": a.IntN(1000), "ok": true})
}

// sized is a document of records, until there are that many bytes. No engine takes more than
// a thousand values, so those of the largest documents are longer and not just more.
func (a *author) sized(kind string, size, description int) Request {
	var list []object
	for n := 0; n < size*9/10; {
		r := a.record(description)
		list, n = append(list, r), n+len(encode(r))
	}
	return a.post(kind, "/api/v1/products/import", object{"items": list})
}
