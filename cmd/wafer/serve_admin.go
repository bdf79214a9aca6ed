package main

import (
	"crypto/tls"
	"errors"
	"net"

	"github.com/rs/zerolog"
	"github.com/wafer-waf/wafer/admin"
	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/identity"
	"github.com/wafer-waf/wafer/metrics"
	"github.com/wafer-waf/wafer/snapshot"
)

// adminFiles are those by which admin listeners of the tier are secure; nil: they speak in clear text.
func adminFiles(boot *config.Boot, registry *metrics.Registry, log zerolog.Logger) (*admin.Files, error) {
	t := &boot.AdminTLS
	if boot.Admin == "" || !t.On() {
		return nil, nil
	}
	files := &admin.Files{
		Cert: t.Cert, Key: t.Key, ClientCA: t.ClientCA, ClientCRL: t.ClientCRL, PeerCA: t.PeerCA,
		Broken: func(err error) {
			log.Error().Str("component", "admin").Err(err).Msg("certificates cannot be read, those read last are in force")
		},
	}
	if err := files.Open(); err != nil {
		return nil, adminProblems(boot, err)
	}
	metrics.AdminCertificate(registry, files.NotAfter)
	return files, nil
}

// adminProblems are the faults of the admin listener's files, each at the setting that names it.
func adminProblems(boot *config.Boot, faults error) error {
	var problems config.Problems
	for _, err := range faults.(interface{ Unwrap() []error }).Unwrap() {
		var fault *admin.Fault
		if errors.As(err, &fault) {
			at := boot.At("admin_tls." + fault.Setting)
			at.What = fault.Error()
			problems = append(problems, at)
		}
	}
	return problems
}

// secureAdmin has the admin listener speak TLS, if there are files for it, and says who has a role by a certificate.
func secureAdmin(ln net.Listener, o *admin.Options, t *config.AdminTLS, files *admin.Files) net.Listener {
	if files == nil {
		return admin.Plain(ln)
	}
	if t.Clients() {
		o.Certificates = &admin.Certificates{Files: files, Read: allowed(t.Read), Operate: allowed(t.Operate)}
	}
	return admin.Secure(ln, files)
}

// allowed are those that settings name; nil: nobody.
func allowed(who *config.Identities) *identity.Allow {
	if who == nil {
		return nil
	}
	return snapshot.Allow(who)
}

// peerTLS is how peers, which have names, are asked; nil: in clear text.
func peerTLS(t *config.AdminTLS, files *admin.Files, names []string) *tls.Config {
	if files == nil || len(names) == 0 {
		return nil
	}
	name := t.ServerName
	if name == "" {
		name, _, _ = net.SplitHostPort(names[0]) // it has been checked
	}
	return files.Client(name)
}
