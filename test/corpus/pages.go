package corpus

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// page is a GET of a browser: a page, a picture, a script, or data for a page.
func (a *author) page() Request {
	switch a.IntN(10) {
	case 0:
		return a.browse("get", "GET", "/"+a.one(sections)+"/")
	case 1:
		return a.browse("get", "GET", fmt.Sprintf("/blog/2026/%02d/%s", a.between(1, 12), a.slug()))
	case 2:
		return a.browse("get", "GET", fmt.Sprintf("/img/%s.webp?w=%d&q=75&v=%s", a.hex(16), a.between(1, 6)*320, a.hex(6)))
	case 3:
		return a.browse("get", "GET", "/static/js/"+a.one(sections)+"."+a.hex(8)+".js")
	case 4:
		return a.call("get", "GET", fmt.Sprintf("/api/v2/products/%d/reviews?limit=20&offset=%d&sort=-created_at", a.between(1000, 99999), 20*a.IntN(10)))
	case 5:
		return a.browse("get", "GET", "/"+a.one(sections)+"/"+a.slug()+"?utm_source=google&utm_medium=cpc&utm_campaign="+a.one(sections)+"_brand&gclid="+a.alnum(60))
	case 6:
		return a.browse("get", "GET", "/"+a.one(sections)+"/"+a.slug()+".html")
	}
	return a.browse("get", "GET", fmt.Sprintf("/%s/%s?color=%s&page=%d&sort=%s", a.one(sections), a.one(products), a.one(colors), a.between(1, 40), a.one(orders)))
}

// query is what somebody types into a search box.
func (a *author) query() string {
	switch a.IntN(9) {
	case 0:
		return `"` + a.title() + `" -` + a.one(materials)
	case 1:
		return a.one(firstNames) + "'s " + a.one(products) + " (size " + strconv.Itoa(a.between(34, 48)) + ")"
	case 2:
		return a.one(products) + " and " + a.one(products) + " under " + strconv.Itoa(a.between(10, 200)) + "€"
	case 3:
		return a.one(products) + " OR " + a.one(products) + " " + a.one(colors)
	case 4:
		return "site:" + a.one(sections) + ".example.com " + a.title()
	case 5:
		return "how to select the right " + a.one(products) + "?"
	case 6:
		return a.one(materials) + " & " + a.one(materials) + " " + a.one(products) + " 50%"
	case 7:
		return a.one(words(a.one(sentencesForeign)))
	}
	return a.title()
}

// search is a GET with many parameters: filters, ranges, addresses, what was typed.
func (a *author) search() Request {
	p := []string{"q=" + url.QueryEscape(a.query())}
	add := func(percent int, name string, value func() string) {
		if a.chance(percent) {
			p = append(p, name+"="+url.QueryEscape(value()))
		}
	}
	add(60, "filter[color]", func() string { return a.one(colors) })
	add(50, "filter[price]", func() string { return fmt.Sprintf("%d-%d", a.between(1, 50), a.between(51, 400)) })
	add(30, "price", func() string { return fmt.Sprintf(">=%d", a.between(1, 100)) })
	add(30, "brand", func() string { return a.one(lastNames) + " & " + a.one(lastNames) })
	add(40, "sort", func() string { return a.one([]string{"-price", "price:asc", "created_at desc", "relevance"}) })
	add(40, "fields", func() string { return "id,name,price.amount,images(url,alt)" })
	add(30, "next", func() string { return "/" + a.one(sections) + "?page=" + strconv.Itoa(a.between(1, 9)) })
	add(25, "redirect_uri", a.url)
	add(25, "from", a.iso)
	add(20, "bounds", func() string {
		return fmt.Sprintf("%.4f,%.4f;%.4f,%.4f", 40+a.Float64()*10, a.Float64()*10, 50+a.Float64()*5, a.Float64()*20)
	})
	add(20, "ids", func() string {
		ids := make([]string, a.between(2, 12))
		for i := range ids {
			ids[i] = strconv.Itoa(a.between(1000, 99999))
		}
		return strings.Join(ids, ",")
	})
	add(20, "where", func() string {
		return encode(object{"stock": object{"gt": a.IntN(10)}, "tags": []string{a.one(materials)}})
	})
	add(50, "page", func() string { return strconv.Itoa(a.between(1, 30)) })
	return a.browse("search", "GET", "/search?"+strings.Join(p, "&"))
}

// Prose returns text of at least so many bytes that people might write.
func Prose(size int) string { return newAuthor("prose").proseOf(size) }
