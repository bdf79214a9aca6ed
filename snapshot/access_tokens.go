package snapshot

import (
	"errors"
	"fmt"

	"github.com/wafer-waf/wafer/access"
	"github.com/wafer-waf/wafer/access/login"
	"github.com/wafer-waf/wafer/access/token"
	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/mask"
)

var asked = map[config.TokenMode]access.Asked{
	config.TokenOptional: access.Nothing, config.TokenRequired: access.Something, config.TokenAlternative: access.OneOf,
	config.TokenObserve: access.Watched, config.TokenOff: access.Disregarded,
}

// accessTokens says to package access what config.AccessTokens says; nil: nothing.
func accessTokens(t *config.AccessTokens, state *access.State, secrets *mask.Policy, report func(key string, err error)) *access.Tokens {
	if t == nil {
		return nil
	}
	made := &access.Tokens{
		Asked: asked[t.Mode], Ignore: t.Invalid == config.InvalidIgnore, Realm: t.Realm, Remove: t.Forward == config.ForwardRemove,
		Config: token.Config{MaxSize: int(t.MaxSize)},
	}
	for i, p := range t.From {
		made.Places = append(made.Places, token.Place{Header: p.Header, Scheme: p.Scheme, Cookie: p.Cookie})
		reportName(fmt.Sprintf("tokens.from[%d].header", i), p.Header, secrets, report)
	}
	for _, h := range t.Headers {
		made.Fields = append(made.Fields, access.ClaimField{Claim: h.Claim, Name: h.Name})
	}
	for i := range t.Issuers {
		made.Issuers = append(made.Issuers, issuer(&t.Issuers[i], state, func(key string, err error) {
			report(fmt.Sprintf("tokens.issuers[%d].%s", i, key), err)
		}))
	}
	return made
}

// issuer says to package token what config.TokenIssuer says.
func issuer(i *config.TokenIssuer, state *access.State, report func(key string, err error)) token.IssuerConfig {
	made := token.IssuerConfig{
		Issuer: i.Issuer, Audiences: i.Audiences, Algorithms: i.Algorithms, Secret: i.Secret, Skew: i.Skew, Required: i.Require,
	}
	var err error
	switch {
	case i.JWKSURL != "":
		if made.Remote, err = state.Remote(token.RemoteConfig{URL: i.JWKSURL, Every: i.Every, CA: i.CAText}); err != nil {
			report("ca", err)
		}
	case i.JWKSFile != "":
		if made.Keys, err = token.ParseKeys([]byte(i.JWKS)); err != nil {
			report("jwks_file", fmt.Errorf("%s: %w", i.JWKSFile, err))
		}
	}
	return made
}

// accessAPIKeys says to package access what config.AccessAPIKeys says; nil: nothing.
func accessAPIKeys(k *config.AccessAPIKeys, secrets *mask.Policy, report func(key string, err error)) *access.APIKeys {
	if k == nil {
		return nil
	}
	made := &access.APIKeys{
		Asked: asked[k.Mode], Ignore: k.Invalid == config.InvalidIgnore, Field: k.Header, Remove: k.Forward == config.ForwardRemove,
	}
	for i, p := range k.From {
		made.Places = append(made.Places, token.Place{Header: p.Header, Query: p.Query})
		reportName(fmt.Sprintf("api_keys.from[%d].header", i), p.Header, secrets, report)
		reportName(fmt.Sprintf("api_keys.from[%d].query", i), p.Query, secrets, report)
	}
	var err error
	if made.Keys, err = token.ParseAPIKeys(k.Keys); err != nil {
		report("api_keys.file", fmt.Errorf("%s: %w", k.File, err))
	}
	return made
}

// reportName reports the name of something secret of which events could not know that it is.
func reportName(key, name string, secrets *mask.Policy, report func(key string, err error)) {
	if name != "" && !secrets.Names(name) {
		report(key, errors.New("events would show its values, for the name tells nobody that they are secret: use one that holds api_key, token or auth, or list it in masking.names"))
	}
}

// accessLogin says to package access what config.AccessLogin says; nil: nothing.
func accessLogin(l *config.AccessLogin) *access.Login {
	if l == nil {
		return nil
	}
	quota := func(r config.Rate) login.Quota { return login.Quota{Units: int(r.N), Period: r.Period} }
	made := &access.Login{
		Mode: accessModes[l.Mode], Methods: l.Methods, Paths: paths(l.Paths), Challenge: l.Then == config.LoginChallenge,
		Config: login.Config{
			Address: quota(l.PerAddress), Both: quota(l.PerAccountAndAddress), Account: quota(l.PerAccount), Key: []byte(l.Key),
		},
		Account: login.FormField(l.Account.Form),
	}
	if l.Account.JSON != "" {
		made.Account = login.JSONField(l.Account.JSON)
	}
	of := l.Failures
	if len(l.Success.Statuses) > 0 || l.Success.Location != "" {
		of, made.Inverse = l.Success, true
	}
	made.Location = of.Location
	for _, s := range of.Statuses {
		made.Statuses = append(made.Statuses, access.Statuses{From: s.From, To: s.To})
	}
	return made
}

// reportLogins reports routes whose logins cannot be protected, since nobody reads their bodies.
func reportLogins(c *config.Routes, report func(path string, err error)) {
	policies := map[string]*config.Policy{}
	for i := range c.Policies {
		policies[c.Policies[i].ID] = &c.Policies[i]
	}
	logins := map[string]bool{}
	for i := range c.Access {
		a := &c.Access[i]
		logins[a.ID] = a.Mode != config.Disregard && a.Login != nil && a.Login.Mode != config.Disregard
	}
	for i := range c.Routes {
		r := &c.Routes[i]
		if p := policies[r.Policy]; logins[r.Access] && p != nil && (p.Mode == config.ModeOff || !p.RequestBody.Inspect) {
			report(fmt.Sprintf("routes[%d].access", i), fmt.Errorf("%q protects logins, for which bodies have to be read, and policy %q does not inspect them", r.Access, r.Policy))
		}
	}
}
