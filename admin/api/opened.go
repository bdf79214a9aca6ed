package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/wafer-waf/wafer/admin/reply"
	"github.com/wafer-waf/wafer/admin/view"
	"github.com/wafer-waf/wafer/recent"
)

// openedMost is how many events of one request are looked at: a WebSocket has one for each message.
const openedMost = 100

// told is what of an event is read.
type told struct {
	Time       string             `json:"time"`
	Event      string             `json:"event"`
	RequestID  string             `json:"request_id"`
	Route      string             `json:"route"`
	Policy     string             `json:"policy"`
	Client     string             `json:"client"`
	Method     string             `json:"method"`
	Host       string             `json:"host"`
	Path       string             `json:"path"`
	Verdict    string             `json:"verdict"`
	Status     int                `json:"status"`
	RuleID     int                `json:"rule_id"`
	Score      *view.Score        `json:"score"`
	Rules      []view.MatchedRule `json:"rules"`
	Dropped    int                `json:"rules_dropped"`
	Coverage   string             `json:"coverage"`
	Reason     string             `json:"coverage_reason"`
	Error      string             `json:"error"`
	AccessRule string             `json:"access_rule"`
	Generation uint64             `json:"generation"`
}

// opened answers with all that is known of one request.
func (a *API) opened(w http.ResponseWriter, r *http.Request) {
	q, ok := a.ask(w, r)
	if !ok || !a.kept(w) {
		return
	}
	id := r.PathValue("request_id")
	if len(id) > recent.MaxText {
		reply.Problem(w, http.StatusBadRequest, "a request id of more than 256 bytes", nil)
		return
	}
	out, err := q.open(r.Context(), id)
	switch {
	case err != nil:
		failed(w, err)
	case out == nil:
		reply.Problem(w, http.StatusNotFound, q.unknown(), nil)
	default:
		send(w, out)
	}
}

// unknown says why there may be no event of a request.
func (q *question) unknown() string {
	if q.tier {
		return "no event of this request is kept by the pods that have answered: it has made room for newer ones, or is in the log of one that has ended"
	}
	return "no event of this request is kept by this pod: it has made room for newer ones, or another pod has served it (scope=tier)"
}

// open finds the events of a request; nil: there are none.
func (q *question) open(ctx context.Context, id string) (*view.Opened, error) {
	if q.tier {
		return q.tierOpen(ctx, id)
	}
	f := &recent.Filter{RequestIDs: []string{id}}
	page, err := q.page(ctx, f, "", openedMost)
	if err != nil || len(page.Events) == 0 {
		return nil, err
	}
	slices.Reverse(page.Events)
	out := &view.Opened{About: page.About, RequestID: id, Events: page.Events, Pod: q.api.Pod, Rules: []view.MatchedRule{}}
	main := mainEvent(page.Events)
	out.Time, out.Request, out.Client, out.Route = main.Time, strings.TrimSpace(main.Method+" "+main.Host+main.Path), main.Client, main.Route
	out.Verdict, out.Status, out.Coverage, out.Reason, out.Error = main.Verdict, main.Status, main.Coverage, main.Reason, main.Error
	out.Score, out.More = main.Score, main.Dropped
	out.Policy = q.policy(main.Policy)
	if g := q.api.State.Generations; g != nil && main.Generation != 0 {
		if now := g(); now != nil {
			out.Changed = now.Current != main.Generation
		}
	}
	for _, rule := range main.Rules {
		rule.Score = severityScore(rule.Severity)
		rule.Where = where(rule.Target)
		if q.api.State.Rule != nil {
			rule.RuleText = q.api.State.Rule(main.Policy, rule.ID)
		}
		rule.Paranoia = paranoiaOf(&rule)
		out.Rules = append(out.Rules, rule)
	}
	out.Why = whyDecided(main)
	out.Exclusion = q.exclusion(ctx, main)
	out.Explain = commands(id)
	return out, nil
}

// tierOpen asks all pods, of which one has served the request.
func (q *question) tierOpen(ctx context.Context, id string) (*view.Opened, error) {
	all, about, err := askTier(ctx, q, "/api/v1/events/"+url.PathEscape(id), same(nil), func(o *view.Opened) *view.About { return &o.About },
		func(string) (*view.Opened, error) {
			own := *q
			own.tier = false
			out, err := own.open(ctx, id)
			if out == nil { // it is another pod's
				out = &view.Opened{About: own.about()}
			}
			return out, err
		}, nil)
	if err != nil {
		return nil, err
	}
	about.Complete = true
	for i := range about.Pods {
		if p := &about.Pods[i]; p.Error == notFound {
			p.Answered, p.Error = true, "" // it has no such event
		}
		about.Complete = about.Complete && about.Pods[i].Answered
	}
	var out *view.Opened
	for _, one := range all {
		pod := printable(one.value.About.Pod)
		switch {
		case len(one.value.Events) == 0:
		case out != nil:
			about.Warnings = append(about.Warnings, fmt.Sprintf("%s tells of a request with this id, too: see its events", pod))
		default:
			out = one.value
			out.Pod, out.RequestID = pod, id
			out.Explain = commands(id) // what people paste into a shell is said by no peer
		}
	}
	if out != nil {
		out.About = about
	}
	return out, nil
}

// mainEvent is the event that says most: a security event before others, a verdict of rules before pass.
func mainEvent(events []view.Event) *told {
	best, rank := &told{}, -1
	for i := range events {
		var one told
		if json.Unmarshal(events[i].Event, &one) != nil {
			continue
		}
		r := 0
		if one.Event == "security" {
			r = 2
		}
		if one.Verdict != "" && one.Verdict != "pass" {
			r++
		}
		if r > rank {
			best, rank = &one, r
		}
	}
	return best
}

func (q *question) policy(id string) *view.PolicyState {
	if q.api.State.Policies == nil || id == "" {
		return nil
	}
	all := q.api.State.Policies()
	if i := slices.IndexFunc(all, func(p view.PolicyState) bool { return p.ID == id }); i >= 0 {
		return &all[i]
	}
	return nil
}

// severityScore is what a rule adds to the score, by CRS's own sums.
func severityScore(severity string) int {
	switch severity {
	case "critical":
		return 5
	case "error":
		return 4
	case "warning":
		return 3
	case "notice":
		return 2
	}
	return 0
}

// paranoiaOf is the level to which a rule belongs; 1 unless a tag says more.
func paranoiaOf(r *view.MatchedRule) int {
	for _, tag := range r.Tags {
		if text, ok := strings.CutPrefix(tag, "paranoia-level/"); ok && len(text) == 1 && text[0] >= '1' && text[0] <= '4' {
			return int(text[0] - '0')
		}
	}
	return max(r.Paranoia, 1)
}

// where says in words where a value sat.
func where(target string) string {
	collection, name, named := strings.Cut(target, ":")
	missing, is := strings.CutPrefix(collection, "&")
	texts := map[string]string{
		"ARGS": "the parameter", "ARGS_GET": "the query parameter", "ARGS_POST": "the body's field", "ARGS_NAMES": "the name of the parameter",
		"ARGS_GET_NAMES": "the name of the query parameter", "ARGS_POST_NAMES": "the name of the body's field",
		"REQUEST_HEADERS": "the header field", "REQUEST_HEADERS_NAMES": "the name of the header field", "REQUEST_COOKIES": "the cookie",
		"REQUEST_COOKIES_NAMES": "the name of the cookie", "REQUEST_FILENAME": "the path", "REQUEST_BASENAME": "the last segment of the path",
		"REQUEST_URI": "path and query", "REQUEST_URI_RAW": "path and query", "REQUEST_LINE": "the first line", "REQUEST_METHOD": "the method",
		"REQUEST_PROTOCOL": "the version of HTTP", "REQUEST_BODY": "the body", "QUERY_STRING": "the query", "FILES": "the file's name",
		"FILES_NAMES": "the name of the upload's field", "XML": "the XML body", "RESPONSE_BODY": "the response's body",
		"RESPONSE_HEADERS": "the response's header field", "RESPONSE_STATUS": "the response's status", "REMOTE_ADDR": "the client's address",
	}
	text := texts[collection]
	if is {
		if text = texts[missing]; text != "" {
			text = "the absence, or the number, of " + text
		}
	}
	if text != "" && named {
		text += fmt.Sprintf(" %q", name)
	}
	return text
}

// whyDecided says in a sentence what a verdict rests on.
func whyDecided(e *told) string {
	s := e.Score
	switch {
	case e.Error != "":
		return view.Meaning(e.Error, e.AccessRule)
	case e.Verdict == "pass" && len(e.Rules) == 0:
		return "no rule has found anything"
	case e.Verdict == "pass" && s != nil && s.Inbound+s.Outbound > 0:
		return fmt.Sprintf("a score of %d is below %d, from which policy %s blocks", s.Inbound, s.InboundThreshold, e.Policy)
	case e.Verdict == "pass":
		return "what rules have found does not count towards a block"
	case e.RuleID/1000 == 949 && s != nil:
		return fmt.Sprintf("the rules below add up to a score of %d, and policy %s blocks from %d on", s.Inbound, e.Policy, s.InboundThreshold)
	case e.RuleID/1000 == 959 && s != nil:
		return fmt.Sprintf("the rules below add up to a score of %d, and policy %s blocks responses from %d on", s.Outbound, e.Policy, s.OutboundThreshold)
	case e.RuleID != 0:
		return fmt.Sprintf("rule %d decides by itself, whatever the score", e.RuleID)
	}
	return "not told"
}

// commands are what to paste into a shell to try a request again.
func commands(id string) []view.Command {
	quoted := "'" + strings.ReplaceAll(id, "'", `'\''`) + "'"
	return []view.Command{
		{
			About:   "tell this request and try it again, and the exclusion, on a route file",
			Command: "wafer explain routes.yaml --admin http://127.0.0.1:9090 --request-id " + quoted,
		},
		{
			About:   "the same from the log of all pods",
			Command: "kubectl logs -l app.kubernetes.io/name=wafer --tail=-1 | wafer explain routes.yaml --log - --request-id " + quoted,
		},
	}
}
