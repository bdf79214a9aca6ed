package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/proxy"
	"github.com/wafer-waf/wafer/snapshot"
)

func newCheck() *cobra.Command {
	var output string
	c := &cobra.Command{
		Use:   "check FILE...",
		Short: "Build everything that configuration files describe, and print every problem",
		Long: `Build everything that each configuration describes: routes, upstreams, engines, and the
proof that every blocking policy blocks. Exit with 0 if it all builds, else print every
problem with its file, line and key path and exit with 1.

FILE is a route file, a directory of them or a quoted pattern (one configuration each), a
manifest whose ConfigMaps hold route or boot files, a boot file, or - for standard input.
Manifests of other things are named and passed over, unless there is nothing else. Values
that route files take from variables (${env:NAME}) are those of this process.`,
		Example: `  wafer check routes.yaml wafer.yaml
  wafer check routes.d/
  kubectl get configmap wafer -o yaml | wafer check -
  wafer check --output sarif routes.yaml > wafer.sarif`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return fmt.Errorf("give a file: %s FILE..., or - for standard input", c.CommandPath())
			}
			return nil
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt
		},
		RunE: func(c *cobra.Command, args []string) error {
			var all []checked
			for _, path := range args {
				all = append(all, checkPath(path, newProgress(c.ErrOrStderr()).compiling)...)
			}
			wantSomething(all)
			noteStore(all)
			return checkOutputs[output](c.OutOrStdout(), all)
		},
	}
	words(c, "output", "o", &output, "for people, programs or code hosts", "text", "json", "sarif")
	return c
}

// checked is what came of one configuration.
type checked struct {
	File          string                `json:"file"`
	Kind          config.Kind           `json:"kind,omitempty"` // empty: it could not be read
	Note          string                `json:"note,omitempty"` // of what there is nothing to check in
	OK            bool                  `json:"ok"`
	Problems      config.Problems       `json:"problems,omitempty"`
	Configuration *snapshot.Description `json:"configuration,omitempty"` // nil where there are no routes
	NoStore       bool                  `json:"no_store,omitempty"`      // a boot file beside it says so: replicas share nothing
	boot          *config.Boot
	err           error
}

// checkPath checks what a path leads to.
func checkPath(path string, compiling func(policy string, i, n int)) (all []checked) {
	inputs, err := config.Inputs(path, os.Stdin)
	if err != nil {
		return []checked{failed(checked{File: path}, err)}
	}
	for _, in := range inputs {
		c := checked{File: in.Name, Kind: in.Kind, OK: true}
		if in.Kind == config.KindManifest {
			c.Note = "no route file or boot file in it: " + strings.Join(in.Objects, ", ")
		}
		routes, err := in.Load()
		if err = proxy.Complete(routes, err); err == nil && routes != nil {
			var d snapshot.Description
			d, err = proxy.CheckWith(routes, compiling)
			c.Configuration = &d
		}
		if b := in.Boot(); b != nil {
			c.boot = b
			err = withProblems(err, checkBoot(b))
		}
		if err != nil {
			c = failed(c, err)
		}
		all = append(all, c)
	}
	return all
}

// withProblems joins what is wrong with two parts of a configuration.
func withProblems(one, two error) error {
	var a, b config.Problems
	switch {
	case one == nil:
		return two
	case two == nil || !errors.As(one, &a) || !errors.As(two, &b):
		return one
	}
	all := append(slices.Clone(a), b...)
	all.Sort()
	return all
}

// wantSomething fails what was given if there is nothing to check in any of it: to say that all is well would be
// true, and no help to whoever gave a wrong name.
func wantSomething(all []checked) {
	if slices.ContainsFunc(all, func(c checked) bool { return c.Note == "" }) {
		return
	}
	for i, c := range all {
		all[i] = failed(c, fmt.Errorf("%s: %s", c.File, c.Note))
	}
}

// noteStore notes of configurations that the boot files given with them have no store.
func noteStore(all []checked) {
	isBoot := func(c checked) bool { return c.boot != nil }
	none := slices.ContainsFunc(all, isBoot) && !slices.ContainsFunc(all, func(c checked) bool { return isBoot(c) && c.boot.Store.On() })
	for i := range all {
		all[i].NoStore = none && all[i].Configuration != nil
	}
}

func failed(c checked, err error) checked {
	c.OK, c.err, c.Configuration = false, err, nil
	if !errors.As(err, &c.Problems) {
		c.Problems = config.Problems{{File: c.File, What: err.Error()}}
	}
	return c
}

// checkOutputs print what came of all configurations. Their error says whether to fail.
var checkOutputs = map[string]func(io.Writer, []checked) error{"text": checkedText, "json": checkedJSON, "sarif": checkedSARIF}

func checkedText(w io.Writer, all []checked) error {
	var errs []error
	out := bufio.NewWriter(w) // which keeps its first error
	for _, c := range all {
		switch {
		case !c.OK:
			errs = append(errs, c.err)
		case c.Note != "":
			fmt.Fprintf(out, "%s: %s\n", c.File, c.Note)
		case c.Configuration == nil:
			fmt.Fprintf(out, "%s: ok: a boot file\n", c.File)
		default:
			printDescription(out, c.File, c.Configuration, c.NoStore)
		}
	}
	return errors.Join(append(errs, out.Flush())...)
}

func printDescription(w io.Writer, file string, d *snapshot.Description, noStore bool) {
	fmt.Fprintf(w, "%s: ok: %d routes, %d upstreams, %d policies, %d engines\n", file, d.Routes, d.Upstreams, len(d.Policies), d.Engines)
	for _, p := range d.Policies {
		fmt.Fprintf(w, "  policy %s: %s, %d rules, used by %d routes\n", p.ID, p.Mode, p.Rules, p.Routes)
		printProof(w, p.Proof)
		if p.NoScreen != "" {
			fmt.Fprintf(w, "    no screen, all requests go to the rule engine: %s\n", p.NoScreen)
		}
	}
	for _, a := range d.Access {
		others := ""
		if a.ID == config.DefaultAccessID {
			others = ", and by requests that no route matches"
		}
		fmt.Fprintf(w, "  access %s: %s, %d rules, used by %d routes%s\n", a.ID, a.Mode, a.Rules, a.Routes, others)
		if len(a.Shared) > 0 && noStore {
			fmt.Fprintf(w, "    no store is configured (store.addresses): each replica counts alone in %s\n", strings.Join(a.Shared, ", "))
		} else if len(a.Shared) > 0 {
			fmt.Fprintf(w, "    replicas count together through a store in %s\n", strings.Join(a.Shared, ", "))
		}
	}
}

func checkedJSON(w io.Writer, all []checked) error {
	return printJSON(w, all, map[string]any{"files": all})
}

// printJSON prints a report about all that was checked, and fails if any of it is wrong: the report says why.
func printJSON(w io.Writer, all []checked, report any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(report); err != nil {
		return err
	}
	for _, c := range all {
		if !c.OK {
			return saidError{error: c.err}
		}
	}
	return nil
}
