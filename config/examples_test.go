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
	b, err := LoadBoot(nil, []string{"WAFER_CONFIG=../examples/wafer.yaml"})
	if err != nil {
		t.Fatal(err)
	}
	if b.Routes != "examples/routes.yaml" {
		t.Errorf("routes %q", b.Routes)
	}
}
