package cluster

import (
	"maps"
	"strings"
	"testing"

	core "k8s.io/api/core/v1"
)

// TestInsertionRenders: the component that "wafer k8s protect --output kustomize" writes leads the Service to the
// tier and to nothing else, and brings the tier its routes.
func TestInsertionRenders(t *testing.T) {
	r := render(t, "../../cmd/wafer/testdata/kustomize")
	s := as[core.Service](t, r, "Service", "orders")
	if want := map[string]string{"app.kubernetes.io/name": "wafer"}; !maps.Equal(s.Spec.Selector, want) {
		t.Errorf("orders selects %v", s.Spec.Selector)
	}
	if len(s.Spec.Ports) != 1 || s.Spec.Ports[0].TargetPort.StrVal != "http" {
		t.Errorf("orders has the ports %v", s.Spec.Ports)
	}
	if o := as[core.Service](t, r, "Service", "orders-origin"); o.Spec.Selector["app"] != "orders" || o.Namespace != "shop" {
		t.Errorf("the origin is %+v", o)
	}
	if m := as[core.ConfigMap](t, r, "ConfigMap", "wafer-routes"); !strings.Contains(m.Data["routes.yaml"], "id: orders.shop") {
		t.Errorf("the tier's routes are %v", m.Data)
	}
}
