package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestBotsAreDocumented wants every built-in robot, and what its names are below, in the documentation.
func TestBotsAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../docs/access.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range DefaultBots() {
		if row := "| `" + b.ID + "` | `" + strings.Join(b.Domains, "`, `") + "` |"; !strings.Contains(string(text), row) {
			t.Errorf("no row %s", row)
		}
	}
}

// TestBotInheritance wants own robots beside the built-in ones, and in place of those with their ids.
func TestBotInheritance(t *testing.T) {
	r := mustParse(t, minimal+`access:
  - id: child
    inherits: base
    bots: [{ id: search, user_agents: [Search/2], domains: [two.example] }]
    challenge: { otherwise: allow }
  - id: base
    bots:
      - { id: search, user_agents: [Search], domains: [one.example] }
      - { id: google, user_agents: [Googlebot], domains: [googlebot.com] }
    challenge: { keys: [a secret that is shared by all replicas], otherwise: deny }
`)
	child := r.Access[0]
	if len(child.Bots) != len(DefaultBots())+1 || child.Bots[len(child.Bots)-1].UserAgents[0] != "Search/2" || len(child.Bots[0].Domains) != 1 {
		t.Errorf("%+v", child.Bots)
	}
	if len(child.Challenge.Keys) != 1 || child.Challenge.Otherwise != Allow || child.Challenge.Difficulty != 16 {
		t.Errorf("%+v", child.Challenge)
	}
	if base := r.Access[1]; base.Challenge.Otherwise != Deny || base.Bots[len(base.Bots)-1].UserAgents[0] != "Search" {
		t.Errorf("an heir changed what it inherits: %+v", base)
	}
}

// TestChallengeElsewhere wants a challenge to be valid where its keys are not.
func TestChallengeElsewhere(t *testing.T) {
	file := filepath.Join(t.TempDir(), "routes.yaml")
	text := minimal + `access:
  - id: default
    challenge: { keys: ["${file:old.key}", "${file:new.key}", "${env:NOWHERE_KEY}"], otherwise: deny }
    rules: [{ id: all, then: challenge }]
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadRoutesElsewhere(file); err != nil {
		t.Error(err)
	}
	if _, err := LoadRoutes(file); err == nil {
		t.Error("a challenge without its keys is valid where the tier runs")
	}
}
