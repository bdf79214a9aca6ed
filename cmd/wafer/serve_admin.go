package main

import (
	"net"

	"github.com/wafer-waf/wafer/admin"
	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/identity"
	"github.com/wafer-waf/wafer/snapshot"
)

// adminFiles are those by which admin listeners of the tier are secure; nil: they speak in clear text.
func adminFiles(boot *config.Boot, broken func(error)) (*admin.Files, error) {
	t := &boot.AdminTLS
	if boot.Admin == "" || !t.On() {
		return nil, nil
	}
	files := &admin.Files{
		Cert: t.Cert, Key: t.Key, ClientCA: t.ClientCA, ClientCRL: t.ClientCRL, PeerCA: t.PeerCA, Broken: broken,
	}
	if err := files.Open(); err != nil {
		at := boot.At("admin_tls.cert")
		at.Path, at.What = "admin_tls", err.Error()
		return nil, at
	}
	return files, nil
}

// secureAdmin has the admin listener speak TLS, if it is to, and says who has a role by a certificate. It closes the listener
// if it cannot.
func secureAdmin(ln net.Listener, o *admin.Options, boot *config.Boot) (net.Listener, error) {
	log := o.Log
	files, err := adminFiles(boot, func(err error) {
		log.Error().Err(err).Msg("certificates cannot be read, those read last are in force")
	})
	if err != nil {
		_ = ln.Close()
		return nil, err
	}
	if files == nil {
		return admin.Plain(ln), nil
	}
	if t := &boot.AdminTLS; t.Clients() {
		o.Certificates = &admin.Certificates{Files: files, Read: allowed(t.Read), Operate: allowed(t.Operate)}
	}
	return admin.Secure(ln, files), nil
}

// allowed are those that settings name; nil: nobody.
func allowed(who *config.Identities) *identity.Allow {
	if who == nil {
		return nil
	}
	return snapshot.Allow(who)
}
