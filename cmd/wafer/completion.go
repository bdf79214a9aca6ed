package main

import (
	"github.com/spf13/cobra"
	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/k8s"
)

// completions tells shells what may follow each flag of c and of the commands below it: one of a few words,
// a file, or nothing that a shell could know, which is what most take.
func completions(c *cobra.Command) {
	words := config.BootWords()
	words["phase"] = phaseNames()
	config.VisitFlags(c.LocalFlags(), func(name, kind string) {
		if _, has := c.GetFlagCompletionFunc(name); has {
			return
		}
		switch choices, chosen := words[name]; {
		case chosen:
			complete(c, name, choices...)
		case kind == "bool":
			complete(c, name, "true", "false")
		case name == "routes" || name == "config" || name == "file":
			files(c, name, "yaml", "yml")
		case name == "log" || name == "body" || name == "traffic" || name == "token-file":
			files(c, name)
		default:
			complete(c, name)
		}
	})
	for _, sub := range c.Commands() {
		completions(sub)
	}
}

// phaseNames are the phases of k8s protect.
func phaseNames() []string {
	var names []string
	for _, phase := range new(k8s.Plan).Phases() {
		names = append(names, phase.Name)
	}
	return names
}

// complete has a shell complete the values of a flag.
func complete(c *cobra.Command, flag string, choices ...string) {
	completeWith(c, flag, cobra.FixedCompletions(choices, cobra.ShellCompDirectiveNoFileComp))
}

// files has a shell complete a flag with files, of some endings if there are any.
func files(c *cobra.Command, flag string, endings ...string) {
	directive := cobra.ShellCompDirectiveDefault
	if len(endings) > 0 {
		directive = cobra.ShellCompDirectiveFilterFileExt
	}
	completeWith(c, flag, cobra.FixedCompletions(endings, directive))
}

func completeWith(c *cobra.Command, flag string, f cobra.CompletionFunc) {
	if err := c.RegisterFlagCompletionFunc(flag, f); err != nil {
		panic("BUG: " + err.Error())
	}
}

// routeFiles has a shell complete the first argument, a route file.
func routeFiles(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return []string{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt
}
