package endpoints

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	discovery "k8s.io/api/discovery/v1"
	"k8s.io/client-go/rest"

	"github.com/wafer-waf/wafer/upstream/discover"
)

// server is the part of an API server that has EndpointSlices. What happens on a watch, a test says itself.
type server struct {
	mu      sync.Mutex
	slices  []discovery.EndpointSlice // what a list answers
	version int
	refuse  int // status of every answer; 0: they are good

	asked   chan string         // each question: what is listed, or since when is watched
	watches chan map[string]any // events for whoever watches; nil ends the watch
}

func start(t *testing.T) (*server, *Cluster) {
	t.Helper()
	s := &server{version: 1, asked: make(chan string, 100), watches: make(chan map[string]any)}
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	return s, &Cluster{connect: func() (*rest.Config, error) { return &rest.Config{Host: h.URL}, nil }}
}

func (s *server) set(version, refuse int, slices ...discovery.EndpointSlice) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.version, s.refuse, s.slices = version, refuse, slices
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	s.mu.Lock()
	refuse, list := s.refuse, discovery.EndpointSliceList{Items: s.slices}
	list.ResourceVersion = fmt.Sprint(s.version)
	s.mu.Unlock()
	what := r.URL.Path + " " + q.Get("labelSelector")
	if q.Get("watch") != "" {
		what = "watch " + q.Get("resourceVersion")
	}
	s.asked <- what
	w.Header().Set("Content-Type", "application/json")
	if refuse != 0 {
		w.WriteHeader(refuse)
		_ = json.NewEncoder(w).Encode(status(refuse, "refused by the test"))
		return
	}
	if q.Get("watch") == "" {
		list.Kind, list.APIVersion = "EndpointSliceList", "discovery.k8s.io/v1"
		_ = json.NewEncoder(w).Encode(list)
		return
	}
	w.WriteHeader(http.StatusOK)
	_ = http.NewResponseController(w).Flush()
	for {
		select {
		case <-r.Context().Done():
			return
		case e := <-s.watches:
			if e == nil {
				return
			}
			_ = json.NewEncoder(w).Encode(e)
			_ = http.NewResponseController(w).Flush()
		}
	}
}

func status(code int, message string) map[string]any {
	return map[string]any{"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": message,
		"reason": map[int]string{403: "Forbidden", 410: "Expired"}[code]}
}

// event is what a watch is told of a slice.
func event(kind string, version int, s discovery.EndpointSlice) map[string]any {
	s.Kind, s.APIVersion, s.ResourceVersion = "EndpointSlice", "discovery.k8s.io/v1", fmt.Sprint(version)
	return map[string]any{"type": kind, "object": s}
}

// slice makes one of its pods, as "address" and words for what is not usual: unready, ending, ended. Its port is
// http, 8080.
func slice(name string, pods ...string) discovery.EndpointSlice {
	s := discovery.EndpointSlice{AddressType: discovery.AddressTypeIPv4}
	s.Name = name
	web, admin := "http", "admin"
	number, other := int32(8080), int32(9090)
	s.Ports = []discovery.EndpointPort{{Name: &web, Port: &number}, {Name: &admin, Port: &other}}
	for _, pod := range pods {
		address, word, _ := strings.Cut(pod, " ")
		if strings.Contains(address, ":") {
			s.AddressType = discovery.AddressTypeIPv6
		}
		e := discovery.Endpoint{Addresses: []string{address}}
		yes, no := true, false
		switch word {
		case "unready":
			e.Conditions = discovery.EndpointConditions{Ready: &no, Serving: &no}
		case "ending":
			e.Conditions = discovery.EndpointConditions{Ready: &no, Serving: &yes, Terminating: &yes}
		case "ended":
			e.Conditions = discovery.EndpointConditions{Ready: &no, Serving: &no, Terminating: &yes}
		case "ready":
			e.Conditions = discovery.EndpointConditions{Ready: &yes, Serving: &yes, Terminating: &no}
		}
		s.Endpoints = append(s.Endpoints, e)
	}
	return s
}

// told is one call of tell, as text.
func told(all []discover.Target, err error) string {
	if all == nil && err != nil {
		return "failed: " + err.Error()
	}
	var out []string
	for _, t := range all {
		s := t.Address
		if t.Terminating {
			s += "?"
		}
		out = append(out, s)
	}
	if err != nil {
		out = append(out, "none: "+err.Error())
	}
	return strings.Join(out, " ")
}
