package k8s

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	shopService = `{"kind":"ServiceList","apiVersion":"v1","items":[{"metadata":{"name":"orders","namespace":"shop"%s},
"spec":{"selector":{%s},"ports":[{"name":"http","port":80,"targetPort":8080}]}}%s]}`
	originOfOrders = `,{"metadata":{"name":"orders-origin","namespace":"shop","labels":{"wafer-waf.github.io/protects":"orders"}},
"spec":{"selector":{"app":"orders"},"ports":[{"name":"http","port":80,"targetPort":8080}]}}`
	closedOrders = `{"kind":"NetworkPolicyList","apiVersion":"networking.k8s.io/v1","items":[{"metadata":{"name":"orders-only-from-wafer",
"namespace":"shop","labels":{"wafer-waf.github.io/protects":"orders"}},"spec":{"podSelector":{"matchLabels":{"app":"orders"}}}}]}`
	tierPod = `{"metadata":{"name":%q,"namespace":"shop","labels":{"app.kubernetes.io/name":"wafer"}},"spec":{"containers":[{"name":"wafer",
"ports":[{"name":"http","containerPort":8080},{"name":"admin","containerPort":9090}]}]},"status":{"conditions":[{"type":"Ready","status":%q}]}}`
	marked = `,"annotations":{"wafer-waf.github.io/origin":"orders-origin"}`

	appSelector  = `"app":"orders"`
	tierSelector = `"app.kubernetes.io/name":"wafer"`
	allRoutes    = `[{"id":"orders.shop","hosts":["orders","orders.shop","orders.shop.svc","orders.shop.svc.cluster.local"]}]`
)

// shop is an API that tests change as they go.
type shop struct {
	mu      sync.Mutex
	answers map[string]string
}

func (s *shop) set(path, answer string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[path] = answer
}

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	answer, ok := s.answers[strings.TrimPrefix(r.URL.Path, "/api/v1/namespaces/shop/")]
	switch {
	case ok:
		fmt.Fprint(w, answer)
	case strings.Contains(r.URL.Path, "/proxy/"):
		w.WriteHeader(http.StatusForbidden)
	default:
		fmt.Fprint(w, `{"kind":"List","apiVersion":"v1","items":[]}`)
	}
}

func newShop(service, selector, more string) *shop {
	return &shop{answers: map[string]string{"services": fmt.Sprintf(shopService, service, selector, more)}}
}

func (s *shop) pods(ready ...string) {
	var list []string
	for i, r := range ready {
		list = append(list, fmt.Sprintf(tierPod, fmt.Sprintf("wafer-%d", i), r))
	}
	s.set("pods", `{"kind":"PodList","apiVersion":"v1","items":[`+strings.Join(list, ",")+`]}`)
}

func (s *shop) serves(pod int, routes string) {
	s.set(fmt.Sprintf("pods/wafer-%d:9090/proxy/api/v1/routes", pod), routes)
}

var (
	shopTier = TierOptions{Selector: map[string]string{"app.kubernetes.io/name": "wafer"}, AdminPort: "admin"}
	shopPlan = ProtectOptions{Services: []string{"orders"}, TierSelector: shopTier.Selector, TierPort: "http", TierTLSPort: "https", ConfigMap: "wafer-routes", ClusterDomain: "cluster.local"}
)

func (s *shop) plan(t *testing.T) (*Cluster, *Objects, *Plan) {
	t.Helper()
	c := connectTo(t, s)
	c.pause = time.Millisecond
	in, err := c.Read(t.Context(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	p, err := Protect(in, shopPlan)
	if err != nil {
		t.Fatal(err)
	}
	return c, in, p
}

// TestPreflight: what would harm callers is refused, and why.
func TestPreflight(t *testing.T) {
	f := func(s *shop, step Step, want string) {
		t.Helper()
		c, in, p := s.plan(t)
		notes, err := c.Preflight(t.Context(), in, p, step, shopTier)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		notes.Write(&b)
		if want == "" && b.Len() > 0 || !strings.Contains(b.String(), want) {
			t.Errorf("%+v: %q, want %q", step, b.String(), want)
		}
	}
	to := Step{Phase: "switch"}
	s := newShop("", appSelector, "")
	f(s, to, "no pod of a tier is ready in namespace shop")
	f(s, Step{}, "no pod of a tier is ready in namespace shop")
	f(s, Step{Phase: "prepare"}, "")
	s.pods("False")
	f(s, to, "no pod of a tier is ready")
	s.pods("True", "True")
	f(s, to, `the right to get pods/proxy`)
	f(s, Step{}, "")
	s.serves(0, allRoutes)
	s.serves(1, `[]`)
	f(s, to, "pod wafer-1 of the tier has no route orders.shop")
	s.serves(1, `[{"id":"orders.shop","hosts":["orders"]}]`)
	f(s, to, "has route orders.shop without host orders.shop")
	s.serves(1, allRoutes)
	f(s, to, "")
	f(s, Step{Phase: "close"}, "does not lead to the tier")

	s = newShop(marked, tierSelector, originOfOrders)
	s.pods("True")
	s.serves(0, allRoutes)
	f(s, Step{Phase: "close"}, "")
	f(s, Step{Phase: "forget", Undo: true}, "still leads to the tier")
	f(s, Step{Phase: "clean", Undo: true}, "still leads to the tier")
	f(s, Step{Phase: "switch", Undo: true}, "")
}

// TestWait: it ends when the last pod has the routes, and says what it waits for.
func TestWait(t *testing.T) {
	s := newShop("", appSelector, "")
	s.pods("True")
	s.serves(0, `[]`)
	c, _, p := s.plan(t)
	told := ""
	err := c.Wait(t.Context(), p, shopTier, func(why string) {
		told = why
		s.serves(0, allRoutes)
	})
	if err != nil || !strings.Contains(told, "has no route orders.shop") {
		t.Errorf("%v, told %q", err, told)
	}
	s.serves(0, `[]`)
	ctx, cancel := context.WithCancel(t.Context())
	if err := c.Wait(ctx, p, shopTier, func(string) { cancel() }); err == nil {
		t.Error("what never comes was waited for with success")
	}
}

// TestWaitQuiet: a request that is on its way, or one more than before, is no quiet.
func TestWaitQuiet(t *testing.T) {
	s := newShop(marked, appSelector, originOfOrders)
	s.pods("True")
	const metrics = "pods/wafer-0:9090/proxy/metrics"
	s.serves(0, `[{"id":"orders.shop","in_flight":1}]`)
	s.set(metrics, "wafer_requests_total{route=\"orders.shop\",verdict=\"pass\"} 7\nwafer_requests_total{route=\"other\",verdict=\"pass\"} 9\n")
	c, _, p := s.plan(t)
	told := 0
	err := c.WaitQuiet(t.Context(), p, shopTier, time.Nanosecond, func(string) {
		told++
		s.serves(0, `[{"id":"orders.shop"}]`)
	})
	if err != nil || told != 1 {
		t.Errorf("%v, told %d times", err, told)
	}
	n, err := c.requests(t.Context(), "shop", TierPod{address: "wafer-0:9090"}, p.needs["shop"].Routes)
	if err != nil || n != 7 {
		t.Errorf("%v requests, %v", n, err)
	}
}

// TestStatus: each state that a Service can be in has its phase, and what callers suffer from is told.
func TestStatus(t *testing.T) {
	f := func(s *shop, closed bool, phase, tier, wrong string) {
		t.Helper()
		s.pods("True", "True")
		s.serves(0, allRoutes)
		s.serves(1, `[]`)
		if closed {
			s.set("/apis/networking.k8s.io/v1/networkpolicies", closedOrders)
		}
		c, in, p := s.plan(t)
		tiers, err := c.Tiers(t.Context(), p.Tiers, shopTier)
		list := in.Status(p, []string{"shop/orders"}, tiers, shopTier)
		if err != nil || len(list) != 1 {
			t.Fatal(list, err)
		}
		got := list[0]
		if got.Phase != phase || got.Tier != tier || !strings.Contains(strings.Join(got.Wrong, "\n"), wrong) || wrong == "" && len(got.Wrong) > 0 {
			t.Errorf("%+v, want %s, %s, %q", got, phase, tier, wrong)
		}
		var b strings.Builder
		if err := WriteStatus(&b, list); err != nil || !strings.Contains(b.String(), "shop/orders  "+phase) {
			t.Errorf("%v\n%s", err, b.String())
		}
	}
	lacks := "pod wafer-1 of the tier has no route"
	f(newShop("", appSelector, ""), false, "none", "1/2", "")
	f(newShop("", appSelector, originOfOrders), false, "prepared", "1/2", "")
	f(newShop(marked, tierSelector, originOfOrders), false, "switched", "1/2", lacks)
	f(newShop(marked, tierSelector, originOfOrders), true, "closed", "1/2", lacks)
	f(newShop("", appSelector, originOfOrders), true, "broken", "1/2", "every request runs into a time-out")
	f(newShop(marked, appSelector, originOfOrders), false, "broken", "1/2", "nothing is inspected")
	f(newShop(marked, appSelector+","+tierSelector, originOfOrders), false, "broken", "1/2", "selects no pod")
}

// TestBefore: the way back needs nothing but the Service itself.
func TestBefore(t *testing.T) {
	in := &Objects{Namespace: "shop"}
	const text = `{"apiVersion":"v1","kind":"Service","metadata":{"name":"orders","namespace":"shop","annotations":{"wafer-waf.github.io/origin":"orders-origin",
"wafer-waf.github.io/before":"{\"type\":\"ClusterIP\",\"clusterIP\":\"10.0.0.9\",\"selector\":{\"app\":\"orders\"},\"ports\":[{\"name\":\"http\",\"port\":80,\"targetPort\":8080}]}"}},
"spec":{"type":"ExternalName","externalName":"wafer.wafer.svc.cluster.local","ports":[{"name":"http","port":80,"targetPort":"http"}]}}`
	if err := in.Read("in", strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	o := shopPlan
	o.TierNamespace, o.TierService, o.ExternalName = "wafer", "wafer", true
	p, err := Protect(in, o)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := p.WriteUndo(&b, "switch"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"clusterIP: 10.0.0.9", "app: orders", "targetPort: 8080", "type: ClusterIP"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in\n%s", want, b.String())
		}
	}
	if strings.Contains(b.String(), "wafer-waf.github.io") {
		t.Errorf("the marks stay:\n%s", b.String())
	}
}
