package config

import "testing"

func TestExamples(t *testing.T) {
	r, err := LoadRoutes("../examples/routes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Routes) < 5 || len(r.Policies) < 4 || len(r.Files) != 2 {
		t.Errorf("%d routes, %d policies, %d files", len(r.Routes), len(r.Policies), len(r.Files))
	}
	if r, err = LoadRoutes("../examples/access.yaml"); err != nil {
		t.Fatal(err)
	}
	if a := r.Access[1]; len(r.Access) != 3 || len(a.Rules) < 5 || len(a.Limits) != 1 || len(r.Lists) != 3 {
		t.Errorf("%+v", r.Access)
	}
	b, err := LoadBoot(nil, []string{"WAFER_CONFIG=../examples/wafer.yaml"})
	if err != nil {
		t.Fatal(err)
	}
	if b.Routes != "examples/routes.yaml" {
		t.Errorf("routes %q", b.Routes)
	}
	if b, err = LoadBoot(nil, []string{"WAFER_CONFIG=../examples/events.yaml"}); err != nil {
		t.Fatal(err)
	}
	if len(b.Events.Sinks) != 2 || b.Events.Sinks[1].Format != FormatECS {
		t.Errorf("%+v", b.Events)
	}
}
