package config

import (
	"errors"
	"fmt"
	"net/url"
	"time"
)

// AccessLogin protects the logins of an application.
type AccessLogin struct {
	Mode     Enforcement    `mapstructure:"mode"` // enforce, observe or off
	Paths    []PathMatch    `mapstructure:"paths"`
	Methods  []string       `mapstructure:"methods"`
	Account  LoginAccount   `mapstructure:"account"`
	Failures LoginResponses `mapstructure:"failures"` // responses to logins that have failed
	Success  LoginResponses `mapstructure:"success"`  // or those to logins that have not, if these are easier to say

	PerAddress           Rate `mapstructure:"per_address"`             // failures from an address
	PerAccountAndAddress Rate `mapstructure:"per_account_and_address"` // for an account from an address
	PerAccount           Rate `mapstructure:"per_account"`             // for an account from addresses that are not known for it

	Then    LoginThen `mapstructure:"then"`     // block or challenge
	KeyFile string    `mapstructure:"key_file"` // file with the key that names of accounts are hashed with

	Key string // what is in the file
}

// LoginAccount is where the body of a login says the account.
type LoginAccount struct {
	Form string `mapstructure:"form" one:"it"` // name of a field
	JSON string `mapstructure:"json" one:"it"` // path in a document, with dots
}

// LoginResponses are responses of an application.
type LoginResponses struct {
	Statuses []StatusRange `mapstructure:"statuses"`
	Location string        `mapstructure:"location"` // RE2, found in the field Location of a redirect
}

func (r *LoginResponses) none() bool { return len(r.Statuses) == 0 && r.Location == "" }

// LoginThen says what becomes of a login that is one too many.
type LoginThen string

// What can.
const (
	LoginBlock     LoginThen = "block"
	LoginChallenge LoginThen = "challenge"
)

// DefaultLogin is the protection of logins of which a file says nothing.
func DefaultLogin() AccessLogin {
	return AccessLogin{
		Mode: Enforce, Methods: []string{"POST"}, Then: LoginBlock,
		PerAddress: perHour(30), PerAccountAndAddress: perHour(10), PerAccount: perHour(100),
	}
}

func perHour(n int64) Rate { return Rate{Amount{N: n}, time.Hour} }

func fillLogin(a *Access, has func(key string) bool) {
	present(&a.Login, has("login"))
	g, d := a.Login, DefaultLogin()
	if g == nil {
		return
	}
	fill(&g.Mode, d.Mode, has("login.mode"))
	if !has("login.methods") {
		g.Methods = d.Methods
	}
	fill(&g.PerAddress, d.PerAddress, has("login.per_address"))
	fill(&g.PerAccountAndAddress, d.PerAccountAndAddress, has("login.per_account_and_address"))
	fill(&g.PerAccount, d.PerAccount, has("login.per_account"))
	fill(&g.Then, d.Then, has("login.then"))
	if g.Failures.none() && g.Success.none() {
		g.Failures.Statuses = []StatusRange{{401, 401}, {403, 403}}
	}
}

func (c *checker) checkLogin(path string, g *AccessLogin) {
	word(c, path+".mode", g.Mode)
	word(c, path+".then", g.Then)
	if len(g.Paths) == 0 {
		c.add(path, "needs paths: say where clients log in")
	}
	for i, p := range g.Paths {
		c.checkPathMatch(indexPath(path+".paths", i), p)
	}
	c.each(path+".methods", g.Methods, checkMethod)
	if len(g.Methods) == 0 {
		c.add(path+".methods", "empty: no request would be a login")
	}
	if c.says(path+".account") || c.doc == nil {
		c.exactlyOne(path+".account", "form", g.Account.Form, "json", g.Account.JSON)
	} else {
		c.add(path, "needs account: say where the body has it, as in {form: username} or {json: user.name}")
	}
	if c.says(path+".failures") && c.says(path+".success") {
		c.add(path+".success", "not with failures: all others are the other ones")
	}
	c.checkLocation(path+".failures.location", g.Failures.Location)
	c.checkLocation(path+".success.location", g.Success.Location)
	sound := true
	for _, f := range []struct {
		key  string
		rate Rate
	}{{"per_address", g.PerAddress}, {"per_account_and_address", g.PerAccountAndAddress}, {"per_account", g.PerAccount}} {
		err := f.rate.check()
		if f.rate.Bytes {
			err = errors.New("logins are not counted in bytes: write it like 10/h")
		}
		c.addErr(path+"."+f.key, err)
		sound = sound && err == nil
	}
	if here, all := g.PerAccountAndAddress, g.PerAccount; sound && float64(all.N)/float64(all.Period) < 2*float64(here.N)/float64(here.Period) {
		c.add(path+".per_account", "%s is less than twice per_account_and_address (%s): anybody could lock others out from two addresses", all, here)
	}
}

func (c *checker) checkLocation(path, expression string) {
	if expression != "" {
		c.addErr(path, checkRegexp(expression))
	}
}

// checkKeysURL accepts the URL of a key set: what anybody could change on its way would let anybody in.
func checkKeysURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "":
		return fmt.Errorf("%q is not a URL: write it like https://id.example/keys", text)
	case u.User != nil:
		return errors.New("holds a user or a password: keys are public")
	case u.Scheme != "https" && !(u.Scheme == "http" && inside(u.Hostname())):
		return fmt.Errorf("%s: write https, since whoever can change keys on their way can sign for everybody", u.Scheme)
	case u.Fragment != "":
		return fmt.Errorf("has a fragment: remove #%s", u.Fragment)
	}
	return checkURLPort(u)
}

// inside tells hosts that are the own machine.
func inside(host string) bool { return host == "localhost" || host == "127.0.0.1" || host == "::1" }
