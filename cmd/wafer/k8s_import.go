package main

import (
	"fmt"

	"github.com/spf13/cobra"
	"github.com/wafer-waf/wafer/k8s"
)

func newImportIngressNginx() *cobra.Command {
	var from source
	var o k8s.ImportOptions
	var proof proving
	c := &cobra.Command{
		Use:   "import-ingress-nginx",
		Short: "Turn Ingress objects of ingress-nginx into routes and policies",
		Long: `Turn Ingress objects of ingress-nginx into a route file: hosts, paths, rewrites, redirects,
canaries, timeouts and sizes become routes; enable-modsecurity, enable-owasp-core-rules and
modsecurity-snippet become policies. With the ConfigMap of the controller among what is
read, its settings for ModSecurity count too.

An Ingress that ModSecurity did not see, or only watched, is not blocked afterwards either.
What is not carried is listed, by Ingress and annotation, on standard error and on top of
the file.`,
		Example: `  kubectl get ingress,service -A -o yaml | wafer k8s import-ingress-nginx -f - > routes.yaml
  wafer check routes.yaml`,
		Args: noArgs("write -f"),
		RunE: func(c *cobra.Command, _ []string) error {
			in, err := from.read(c, "ingress-nginx", "ingress-nginx-controller")
			if err != nil {
				return err
			}
			if len(in.Ingresses) == 0 {
				return fmt.Errorf("no Ingress among what was read")
			}
			return printImport(c, k8s.ImportIngressNginx(in, o), from.strict, proof)
		},
	}
	from.flags(c)
	proof.flags(c)
	c.Flags().StringVar(&o.Class, "class", "nginx", "class of the Ingresses; those that name another are left out")
	c.Flags().BoolVar(&o.Origin, "origin", false, "lead to SERVICE-origin, where wafer k8s protect has moved the applications")
	c.Flags().StringVar(&o.ClusterDomain, "cluster-domain", "cluster.local", "DNS domain of the cluster")
	return c
}
