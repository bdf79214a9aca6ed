package config

import (
	"strings"
	"time"
)

// Store says where replicas keep what they share, in Redis or Valkey. Without it each has its own.
type Store struct {
	Addresses []string `mapstructure:"addresses"` // host:port; none: there is no store
	Mode      string   `mapstructure:"mode" enum:"one sentinel cluster"`
	Master    string   `mapstructure:"master"` // what sentinels call the server
	User      string   `mapstructure:"user"`
	// Files whose first line is a password; read anew for every connection.
	PasswordFile         string   `mapstructure:"password_file"`
	SentinelPasswordFile string   `mapstructure:"sentinel_password_file"`
	TLS                  StoreTLS `mapstructure:"tls"`
	DB                   int      `mapstructure:"db"`
	Prefix               string   `mapstructure:"prefix"` // of all keys

	Timeout        time.Duration `mapstructure:"timeout"`         // of an operation
	ConnectTimeout time.Duration `mapstructure:"connect_timeout"` // of a connection
	Connections    int           `mapstructure:"connections"`     // at most
}

// StoreTLS secures connections to the store.
type StoreTLS struct {
	Use        Switch `mapstructure:"use"`
	CA         string `mapstructure:"ca"`   // file; empty: the authorities of the system
	Cert       string `mapstructure:"cert"` // files of the tier's own certificate; empty: it shows none
	Key        string `mapstructure:"key"`
	ServerName string `mapstructure:"server_name"` // in the server's certificate; empty: the host of its address
}

// On tells whether there is a store.
func (s *Store) On() bool { return len(s.Addresses) > 0 }

func (l *bootLoader) checkStore() {
	s := &l.boot.Store
	for i, address := range s.Addresses {
		l.addErr(indexPath("store.addresses", i), checkAddress(address, "redis:6379"))
	}
	if s.Mode == "one" && len(s.Addresses) > 1 {
		l.add("store.addresses", "mode one has one address: give one, or store.mode sentinel or cluster")
	}
	if s.Mode == "sentinel" && s.Master == "" && s.On() {
		l.add("store.master", "required: what the sentinels call the server")
	}
	if s.Mode != "sentinel" && (s.Master != "" || s.SentinelPasswordFile != "") {
		l.add("store.mode", "%s has no use for store.master and store.sentinel_password_file: those are for sentinels", s.Mode)
	}
	if (s.TLS.Cert == "") != (s.TLS.Key == "") {
		l.addBy([]string{"store.tls.cert", "store.tls.key"}, "store.tls.cert", "a certificate needs its key, and a key its certificate: give store.tls.cert and store.tls.key")
	}
	if s.TLS.Use != On && (s.TLS.CA != "" || s.TLS.Cert != "" || s.TLS.ServerName != "") {
		l.add("store.tls.use", "off has no use for certificates: set it to on")
	}
	if s.DB < 0 || s.DB > 1<<20 {
		l.add("store.db", "%d is out of range: 0 to %d", s.DB, 1<<20)
	}
	if s.Mode == "cluster" && s.DB != 0 {
		l.add("store.db", "a cluster has no other database than 0")
	}
	if len(s.Prefix) > 64 || strings.ContainsAny(s.Prefix, "{} \t\r\n") {
		l.add("store.prefix", "%q is no prefix of keys: at most 64 bytes, without spaces and braces", s.Prefix)
	}
	l.positive("store.timeout", s.Timeout)
	l.positive("store.connect_timeout", s.ConnectTimeout)
	if s.Timeout > 5*time.Second {
		l.add("store.timeout", "%s is too long: a request may wait for it, 5s at most", s.Timeout)
	}
	if s.Connections < 2 || s.Connections > 1000 {
		l.add("store.connections", "%d is out of range: 2 to 1000", s.Connections)
	}
}
