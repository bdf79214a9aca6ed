package config

import "slices"

// AdminTLS makes the admin listener secure. The files are read anew when they change.
type AdminTLS struct {
	Cert       string   `mapstructure:"cert"`        // PEM, the certificate first; empty: clear text
	Key        string   `mapstructure:"key"`         // PEM
	ClientCA   []string `mapstructure:"client_ca"`   // files; none: nobody is asked for a certificate
	ClientCRL  []string `mapstructure:"client_crl"`  // files
	PeerCA     []string `mapstructure:"peer_ca"`     // files; none: those of clients, or those of the system
	ServerName string   `mapstructure:"server_name"` // by which other processes of the tier are asked; empty: the host of their name

	Read    *Identities `mapstructure:"read"` // who may read, of those with a verified certificate; nil: nobody
	Operate *Identities `mapstructure:"operate"`
}

// On tells whether the admin listener speaks TLS.
func (t *AdminTLS) On() bool { return t.Cert != "" }

// Clients tells whether clients can prove who they are.
func (t *AdminTLS) Clients() bool { return len(t.ClientCA) > 0 }

// checkAdminAccess checks who may ask the admin listener.
func (l *bootLoader) checkAdminAccess() {
	b := &l.boot
	for i, word := range b.AdminClosed {
		oneOf(l, indexPath("admin_closed", i), word, allowed[Boot]("admin_closed"))
	}
	if b.AdminTokens == "" && !b.AdminTLS.Clients() && len(b.AdminClosed) > 0 {
		l.addBy([]string{"admin_tokens", "admin_tls.client_ca"}, "admin_closed", "needs admin_tokens, or certificates of clients: without them nobody could open it")
	}
	if slices.Contains(b.AdminClosed, "standing") && len(b.LastGood.Peers) > 0 && b.AdminPeerToken == "" && !b.AdminTLS.Clients() {
		l.addBy([]string{"admin_peer_token", "admin_tls.client_ca"}, "admin_closed", "standing is what last_good.peers ask each other: give admin_peer_token, which they show, or remove one of the two")
	}
	l.checkAdminTLS(&b.AdminTLS)
}

func (l *bootLoader) checkAdminTLS(t *AdminTLS) {
	if (t.Cert == "") != (t.Key == "") {
		l.addBy([]string{"admin_tls.cert", "admin_tls.key"}, "admin_tls.cert", "a certificate needs its key, and a key its certificate: give admin_tls.cert and admin_tls.key")
	}
	if !t.On() && (t.Clients() || len(t.PeerCA) > 0 || t.ServerName != "" || t.Read != nil || t.Operate != nil) {
		l.addBy([]string{"admin_tls.cert"}, "admin_tls.cert", "required: without a certificate the listener speaks in clear text, and nothing else here has an effect")
	}
	if len(t.ClientCRL) > 0 && !t.Clients() {
		l.addBy([]string{"admin_tls.client_ca"}, "admin_tls.client_crl", "needs client_ca: a list of revoked certificates counts if its authority signed it")
	}
	if t.ServerName != "" {
		l.addErr("admin_tls.server_name", checkHost(t.ServerName))
	}
	for _, role := range []struct {
		key string
		who *Identities
	}{{"admin_tls.read", t.Read}, {"admin_tls.operate", t.Operate}} {
		switch {
		case role.who == nil:
			continue
		case !t.Clients():
			l.addBy([]string{"admin_tls.client_ca"}, role.key, "needs client_ca: files with the authorities of clients")
		case role.who.none():
			l.addBy([]string{role.key}, role.key, "names nobody: give dns, uri, cn or spki")
		}
		checkIdentities(l, role.key, role.who)
	}
	if t.Clients() && t.Read == nil && t.Operate == nil {
		l.addBy([]string{"admin_tls.read", "admin_tls.operate"}, "admin_tls.client_ca", "needs admin_tls.read or admin_tls.operate: nobody who shows a certificate would have a role")
	}
}
