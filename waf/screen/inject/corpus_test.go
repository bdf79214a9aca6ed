package inject

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/test/corpus"
)

// values returns what rules would see of a request: arguments, cookies, fields of the header,
// values of JSON and their names.
func values(r corpus.Request) (list []string) {
	path, query, _ := strings.Cut(r.Target, "?")
	list = append(list, path)
	pairs := func(text, separator string) {
		for p := range strings.SplitSeq(text, separator) {
			name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
			for _, s := range []string{name, value} {
				if decoded, err := url.QueryUnescape(s); err == nil {
					s = decoded
				}
				if s != "" {
					list = append(list, s)
				}
			}
		}
	}
	pairs(query, "&")
	form := false
	for _, f := range r.Header {
		list = append(list, f.Value)
		switch {
		case f.Name == "Cookie":
			pairs(f.Value, ";")
		case http.CanonicalHeaderKey(f.Name) == "Content-Type":
			form = strings.HasPrefix(f.Value, "application/x-www-form-urlencoded")
		}
	}
	var v any
	switch {
	case form:
		pairs(string(r.Body), "&")
	case json.Unmarshal(r.Body, &v) == nil:
		list = append(list, leaves("json", v)...)
	case len(r.Body) > 0:
		list = append(list, string(r.Body))
	}
	return list
}

func leaves(name string, v any) (list []string) {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			list = append(list, leaves(name+"."+k, e)...)
		}
	case []any:
		for i, e := range v {
			list = append(list, leaves(name+"."+strconv.Itoa(i), e)...)
		}
	case string:
		list = append(list, name, v)
	case float64:
		list = append(list, name, strconv.FormatFloat(v, 'f', -1, 64))
	}
	return list
}

func ordinary(t testing.TB, kind string, n int) (list []string) {
	t.Helper()
	requests, err := corpus.Ordinary(kind, n)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range requests {
		list = append(list, values(r)...)
	}
	return list
}

func attacks(t testing.TB) (list []string) {
	t.Helper()
	requests, err := corpus.Attacks()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range requests {
		list = append(list, values(r)...)
	}
	return list
}

// seeds are values to begin fuzzing with.
func seeds(t testing.TB) []string {
	t.Helper()
	var list []string
	for i, s := range attacks(t) {
		if i%10 == 0 && len(s) < 200 {
			list = append(list, s)
		}
	}
	for _, kind := range corpus.Kinds() {
		for i, s := range ordinary(t, kind, 1) {
			if i%5 == 0 && len(s) < 200 {
				list = append(list, s)
			}
		}
	}
	return list
}

func TestCorpus(t *testing.T) {
	for _, s := range attacks(t) {
		checkBoth(t, s)
	}
	for _, kind := range corpus.Kinds() {
		list := ordinary(t, kind, 30)
		sql, xss := 0, 0
		for _, s := range list {
			checkBoth(t, s)
			if notSQLi(s) {
				sql++
			}
			if notXSS(s) {
				xss++
			}
		}
		t.Logf("%-10s %6d values: %5.1f %% proven without SQL, %5.1f %% without markup", kind, len(list), 100*float64(sql)/float64(len(list)), 100*float64(xss)/float64(len(list)))
	}
}
