package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/wafer-waf/wafer/admin/reply"
	"github.com/wafer-waf/wafer/admin/view"
)

// errNotYet is what is answered while there is no configuration.
const errNotYet = "no configuration in force yet"

// policies answers with policies and their effective values.
func (a *API) policies(w http.ResponseWriter, r *http.Request) {
	a.state(w, r, "/api/v1/policies", func(about view.About) any {
		out := view.Policies{About: about, Policies: a.State.Policies()}
		if g := a.State.Generations(); g != nil {
			out.Generation = g.Current
		}
		if out.Policies == nil {
			return nil
		}
		return out
	})
}

// certificates answers with certificates that the tier shows, those that end first before the others.
func (a *API) certificates(w http.ResponseWriter, r *http.Request) {
	a.state(w, r, "/api/v1/certificates", func(about view.About) any {
		out := view.Certificates{About: about, Certificates: slices.Clone(a.State.Certificates())}
		slices.SortStableFunc(out.Certificates, func(x, y view.Certificate) int { return x.NotAfter.Compare(y.NotAfter) })
		if out.Certificates == nil {
			out.Certificates = []view.Certificate{}
		}
		return out
	})
}

// generations answers with configurations that were in force.
func (a *API) generations(w http.ResponseWriter, r *http.Request) {
	a.state(w, r, "/api/v1/generations", func(about view.About) any {
		g := a.State.Generations()
		if g == nil {
			return nil
		}
		g.About = about
		return g
	})
}

// Scoped are answers of endpoints of others that know no scope, by path: without one these answer with a value alone, which
// does not say whose it is.
func (a *API) Scoped() map[string]http.HandlerFunc {
	all := map[string]http.HandlerFunc{}
	for name, value := range a.State.Listed {
		path := "/api/v1/" + name
		all[path] = func(w http.ResponseWriter, r *http.Request) {
			a.state(w, r, path, func(about view.About) any {
				if v := value(); v != nil {
					return map[string]any{"about": about, name: v}
				}
				return nil
			})
		}
	}
	return all
}

// state answers with what every pod has for itself.
func (a *API) state(w http.ResponseWriter, r *http.Request, path string, value func(view.About) any) {
	q, ok := a.ask(w, r)
	if !ok {
		return
	}
	own := q.about()
	own.Window.From = own.Window.To // it is as it is now
	if !q.tier {
		if v := value(own); v != nil {
			send(w, v)
			return
		}
		reply.Problem(w, http.StatusServiceUnavailable, errNotYet, nil)
		return
	}
	all, err := q.tierState(r.Context(), path, func() any { return value(own) })
	if err != nil {
		failed(w, err)
		return
	}
	send(w, all)
}

// anyState is what a pod answers, as far as all such answers are alike.
type anyState struct {
	about view.About
	text  json.RawMessage
}

func (s *anyState) UnmarshalJSON(text []byte) error {
	if text[0] == '[' { // a version that does not know the scope answers with the value alone
		return errors.New(notFound)
	}
	var head struct {
		About view.About `json:"about"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return err
	}
	s.about, s.text = head.About, slices.Clone(text)
	return nil
}

// tierState puts the answers of all pods beside each other.
func (q *question) tierState(ctx context.Context, path string, own func() any) (*view.States, error) {
	all, about, err := askTier(ctx, q, path, same(url.Values{ScopeParameter: {view.ScopePod}}), func(s *anyState) *view.About { return &s.about },
		func(string) (*anyState, error) {
			one := &anyState{about: q.about(), text: json.RawMessage("null")}
			value := own()
			if value == nil { // nothing is in force
				return one, nil
			}
			text, err := json.Marshal(value)
			if err == nil {
				err = one.UnmarshalJSON(text)
			}
			return one, err
		}, nil)
	if err != nil {
		return nil, err
	}
	about.Window.From = about.Window.To
	out := &view.States{About: about, Pods: []view.PodState{}}
	for _, one := range all {
		out.Pods = append(out.Pods, view.PodState{Pod: printable(one.value.about.Pod), Answer: one.value.text})
	}
	slices.SortStableFunc(out.Pods, func(x, y view.PodState) int { return strings.Compare(x.Pod, y.Pod) })
	return out, nil
}
