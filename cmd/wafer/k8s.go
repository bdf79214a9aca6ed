package main

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/wafer-waf/wafer/k8s"
)

func newK8s() *cobra.Command {
	c := &cobra.Command{
		Use:   "k8s",
		Short: "Put the tier in front of Services of a cluster, and prove that it is",
		Long: `Put the tier in front of Services of a cluster, and prove that it is.

These commands print what is to change and leave the change to kubectl. What cannot be
done safely, or is for people to decide, is told on standard error.`,
		Args: noArgs(""),
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newProtect(), newWait(), newStatus(), newVerify(), newImportIngressNginx())
	return c
}

// source are the flags that say where manifests come from.
type source struct {
	files     []string
	namespace string
	strict    bool
	cluster   *k8s.Cluster // once read has asked it
	objects   *k8s.Objects // what plan has read
}

// full gives names of Services their namespace.
func (s *source) full(names []string) []string {
	var out []string
	for _, n := range names {
		if !strings.Contains(n, "/") {
			n = cmp.Or(s.namespace, s.cluster.Namespace) + "/" + n
		}
		out = append(out, n)
	}
	return out
}

// tierNamespace is where a tier is that no Service leads to.
func (s *source) tierNamespace(t *tierFlags) string {
	return cmp.Or(t.o.TierNamespace, s.namespace, s.cluster.Namespace)
}

func (s *source) flags(c *cobra.Command) {
	c.Flags().StringSliceVarP(&s.files, "file", "f", nil, "manifests: files, folders or - for standard input; none: from the cluster")
	c.Flags().StringVarP(&s.namespace, "namespace", "n", "", "namespace to read from the cluster, and of objects that name none")
	c.Flags().BoolVar(&s.strict, "strict", false, "exit with 1 if something is left to decide")
}

// read returns the manifests, from the cluster those of one namespace. There configMap
// names one more to read; without a namespace it is that of the others.
func (s *source) read(c *cobra.Command, configMapNamespace, configMap string) (*k8s.Objects, error) {
	if len(s.files) > 0 {
		o := &k8s.Objects{Namespace: s.namespace}
		return o, o.ReadFiles(s.files, c.InOrStdin())
	}
	cluster, err := k8s.Connect()
	if err != nil {
		return nil, fmt.Errorf("no -f, and no cluster: %w", err)
	}
	ns := cmp.Or(s.namespace, cluster.Namespace)
	s.cluster = cluster
	return cluster.Read(c.Context(), ns, cmp.Or(configMapNamespace, ns)+"/"+configMap)
}

// tell writes the notes and turns them into the exit code.
func (s *source) tell(c *cobra.Command, notes k8s.Notes) error {
	notes.Write(c.ErrOrStderr())
	switch {
	case notes.Has(k8s.Refused):
		return saidError{error: errors.New("something was refused")}
	case s.strict && notes.Has(k8s.Decide):
		return saidError{error: errors.New("something is left to decide")}
	}
	return nil
}
