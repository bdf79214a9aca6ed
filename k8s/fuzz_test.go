package k8s

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzManifests: whatever the manifests hold, they are refused or told about, and nothing panics.
func FuzzManifests(f *testing.F) {
	for _, command := range []string{"protect", "import-ingress-nginx"} {
		cases, err := filepath.Glob(filepath.Join("../cmd/wafer/testdata", command, "*", "in.yaml"))
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range cases {
			text, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(string(text))
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		var in Objects
		if in.Read("fuzz", strings.NewReader(text)) != nil {
			return
		}
		plan, err := Protect(&in, ProtectOptions{
			TierSelector: map[string]string{"app.kubernetes.io/name": "wafer"}, TierPort: "http", TierTLSPort: "https", ConfigMap: "wafer-routes", ClusterDomain: "cluster.local",
		})
		if err == nil {
			for _, write := range []func(*Plan, io.Writer, string) error{(*Plan).Write, (*Plan).WriteUndo} {
				if err := write(plan, io.Discard, ""); err != nil {
					t.Error(err)
				}
			}
		}
		if _, err := ImportIngressNginx(&in, ImportOptions{Class: "nginx", ClusterDomain: "cluster.local"}).YAML(); err != nil {
			t.Error(err)
		}
	})
}
