package main

import (
	"fmt"

	"github.com/spf13/cobra"
	"github.com/wafer-waf/wafer/importer"
)

func newImport() *cobra.Command {
	c := &cobra.Command{
		Use:   "import",
		Short: "Turn what other firewalls are told into a route file",
		Args:  noArgs(""),
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newImportModSecurity())
	return c
}

func newImportModSecurity() *cobra.Command {
	var o importer.BuildOptions
	var strict bool
	var proof proving
	c := &cobra.Command{
		Use:   "modsecurity FILE...",
		Short: "Turn the files of ModSecurity, or of Coraza, into a route file",
		Long: `Turn what ModSecurity or Coraza is told into a route file. Each file is known by its name
and by what stands in it:

  modsecurity.conf, crs-setup.conf, exclusions before and after the Core Rule Set: SecLang
  server blocks of nginx and virtual hosts of Apache, with their locations
  a Caddyfile with coraza_waf, the configuration of coraza-spoa
  variables of the modsecurity-crs containers: NAME=VALUE lines, Compose, Kubernetes

Files that others include are read where they are included; of a folder all such files are
read. What is not carried is listed, by file and line, on standard error and on top of the
route file. What is printed has been compiled.`,
		Example: `  wafer import modsecurity /etc/modsecurity/ --to http://app:8080 > routes.yaml
  wafer import modsecurity waf.env REQUEST-900-EXCLUSION-RULES-BEFORE-CRS.conf > routes.yaml
  wafer import modsecurity Caddyfile > routes.yaml`,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return fmt.Errorf("give files or folders of ModSecurity or Coraza, or - for standard input")
			}
			files, err := importer.ReadFiles(args, c.InOrStdin())
			if err != nil {
				return err
			}
			sites, notes, err := files.Sites()
			if err != nil {
				return err
			}
			o.Files = files
			return printImport(c, importer.Build(sites, notes, o), strict, proof)
		},
	}
	proof.flags(c)
	c.Flags().StringVar(&o.To, "to", "", "http://host:port of the application, where the files do not say it")
	c.Flags().BoolVar(&strict, "strict", false, "exit with 1 if something is left to decide")
	return c
}
