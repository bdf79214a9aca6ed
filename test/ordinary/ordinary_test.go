package ordinary

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"reflect"
	"testing"
)

// Every kind is there, the same in every run, and each request is one that its reader understands.
func TestRequests(t *testing.T) {
	const n = 2000
	list := Requests(3, n)
	if !reflect.DeepEqual(list, Requests(3, n)) {
		t.Error("the same seed gives other requests")
	}
	if reflect.DeepEqual(list, Requests(4, n)) {
		t.Error("another seed gives the same requests")
	}
	count, weights := map[string]int{}, 0
	for i, r := range list {
		count[r.Kind]++
		in := bufio.NewReader(bytes.NewReader(r.Bytes()))
		read, err := http.ReadRequest(in)
		if err != nil {
			t.Errorf("%s %d: %v\n%s", r.Kind, i, err, r.Bytes())
			continue
		}
		body, err := io.ReadAll(read.Body)
		if err != nil || !bytes.Equal(body, r.Body) || in.Buffered() > 0 {
			t.Errorf("%s %d: body of %d bytes, want %d (%v)", r.Kind, i, len(body), len(r.Body), err)
		}
	}
	for _, k := range kinds() {
		weights += k.weight
		if count[k.name] != k.weight*n/1000 {
			t.Errorf("%d of %d requests are of kind %s", count[k.name], n, k.name)
		}
	}
	if weights != 1000 {
		t.Errorf("the weights add up to %d", weights)
	}
}
