package config

import (
	"fmt"
	"slices"
	"strings"
)

// Bot says how the robot of somebody is known: it says so, and its address has a name of theirs, which has the address.
type Bot struct {
	ID         string   `mapstructure:"id"`
	UserAgents []string `mapstructure:"user_agents"` // one of them stands in the field, with case
	Domains    []string `mapstructure:"domains"`     // the name is below one of them
}

// BotPending says what becomes of a request while it is not known whether its client is the robot that it says.
type BotPending string

// What can.
const (
	PendingDeny      BotPending = "deny"      // 429, to come again
	PendingChallenge BotPending = "challenge" // as then: challenge
	PendingAllow     BotPending = "allow"     // as if it were the robot
)

// AnyBot stands for all robots in conditions.
const AnyBot = "any"

// DefaultBots are the robots that every access policy knows, whose operators say below which names they are. Of Google,
// googleusercontent.com is left out: machines that Google rents out have names below it.
func DefaultBots() []Bot {
	return []Bot{
		{ID: "google", Domains: []string{"googlebot.com", "google.com"}, UserAgents: []string{
			"Googlebot", "Storebot-Google", "Google-InspectionTool", "GoogleOther", "AdsBot-Google", "Mediapartners-Google",
		}},
		{ID: "bing", Domains: []string{"search.msn.com"}, UserAgents: []string{"bingbot", "BingPreview", "adidxbot", "msnbot"}},
		{ID: "apple", Domains: []string{"applebot.apple.com"}, UserAgents: []string{"Applebot"}},
		{ID: "yahoo", Domains: []string{"crawl.yahoo.net"}, UserAgents: []string{"Slurp"}},
		{ID: "yandex", Domains: []string{"yandex.ru", "yandex.net", "yandex.com"}, UserAgents: []string{"Yandex"}},
		{ID: "baidu", Domains: []string{"baidu.com", "baidu.jp"}, UserAgents: []string{"Baiduspider"}},
		{ID: "amazon", Domains: []string{"crawl.amazonbot.amazon"}, UserAgents: []string{"Amazonbot"}},
		{ID: "seznam", Domains: []string{"seznam.cz"}, UserAgents: []string{"SeznamBot"}},
	}
}

func (c *checker) checkBots(path string, a *Access) {
	word(c, path+".bots_pending", a.BotsPending)
	c.ids(path+".bots", len(a.Bots), func(i int) string { return a.Bots[i].ID })
	for i, b := range a.Bots {
		at := indexPath(path+".bots", i)
		if b.ID == AnyBot {
			c.add(at+".id", "%q stands for all of them: choose another one", b.ID)
		}
		for _, list := range []struct {
			key   string
			texts []string
			check func(string) error
		}{{"user_agents", b.UserAgents, checkAgentPart}, {"domains", b.Domains, checkBotDomain}} {
			if len(list.texts) == 0 {
				c.add(at+"."+list.key, "required")
			}
			c.each(at+"."+list.key, list.texts, list.check)
		}
	}
}

func checkAgentPart(text string) error {
	if strings.TrimSpace(text) == "" {
		return fmt.Errorf("%q stands in every field", text)
	}
	return nil
}

// checkBotDomain accepts a name below which one operator alone has names, as far as that can be seen.
func checkBotDomain(name string) error {
	if err := checkHost(name); err != nil {
		return err
	}
	if strings.HasPrefix(name, "*") || !strings.Contains(name, ".") {
		return fmt.Errorf("%q: write a name with a dot, such as googlebot.com, which stands for all below it, too", name)
	}
	return nil
}

// checkBotsNamed checks that robots which conditions name are there, and can be told.
func (c *checker) checkBotsNamed(path string, w *AccessWhen, a *Access, known []string) {
	if w == nil {
		return
	}
	c.distinct(path+".bots", w.Bots)
	for i, id := range w.Bots {
		if id != AnyBot {
			c.reference(indexPath(path+".bots", i), "robot", id, "bots", known)
		}
	}
	if len(w.Bots) > 0 && a.BotsPending == PendingChallenge {
		c.needsChallenge(path+".bots", &a.Challenge)
	}
	c.checkBotsNamed(path+".not", w.Not, a, known)
}

// botIDs are the ids of robots that conditions of a policy may name, sorted.
func botIDs(lists ...[]Bot) []string {
	var ids []string
	for _, list := range lists {
		for _, b := range list {
			ids = append(ids, b.ID)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}
