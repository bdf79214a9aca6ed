package store

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/wafer-waf/wafer/access/file"
)

var (
	errPassword = errors.New("read the password")
	errFiles    = errors.New("read the certificates")
)

// buffers is what a connection reads and writes at a time: what is said is mostly short.
const buffers = 8 << 10

// newClient returns a client of the library that does only what is wanted of it: the version of the protocol
// without pushes, no names and no notices of the vendor, no second attempt but one for a connection that has died
// in the pool.
func newClient(o *Options) redis.UniversalClient {
	redis.SetLogger(silence{}) // what matters is returned as an error, and counted
	u := &redis.UniversalOptions{
		Addrs: o.Addresses, MasterName: o.Master, DB: o.DB,
		Protocol: 2,
		CredentialsProviderContext: func(context.Context) (string, string, error) {
			password, err := o.password(o.PasswordFile)
			return o.User, password, err
		},
		Dialer:     o.dial,
		MaxRetries: 1, MinRetryBackoff: time.Millisecond, MaxRetryBackoff: 2 * time.Millisecond,
		DialTimeout: o.ConnectTimeout, DialerRetries: 1, DialerRetryTimeout: time.Millisecond,
		ReadTimeout: o.ConnectTimeout + o.Timeout, WriteTimeout: o.ConnectTimeout + o.Timeout, ContextTimeoutEnabled: true,
		ReadBufferSize: buffers, WriteBufferSize: buffers, PipelinePoolSize: -1,
		PoolSize: o.Connections, MaxActiveConns: o.Connections, PoolTimeout: o.ConnectTimeout + o.Timeout, ConnMaxIdleTime: 5 * time.Minute,
		DisableIdentity:          true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	switch o.Mode {
	case Sentinel:
		u.SentinelPassword, _ = o.password(o.SentinelPasswordFile) // New has read it
		return redis.NewFailoverClient(u.Failover())
	case Cluster:
		return redis.NewClusterClient(u.Cluster())
	default:
		return redis.NewClient(u.Simple())
	}
}

// Bounds of files.
const (
	maxPassword    = 64 << 10
	maxCertificate = 1 << 20
)

// password reads the first line of a file.
func (o *Options) password(name string) (string, error) {
	if name == "" {
		return "", nil
	}
	data, err := file.Whole(name, maxPassword)
	if err != nil {
		return "", fmt.Errorf("%w of the store: %w", errPassword, err)
	}
	line, _, _ := strings.Cut(string(data), "\n")
	return strings.TrimSuffix(line, "\r"), nil
}

// dial opens a connection to a server, whose replies are bounded.
func (o *Options) dial(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{KeepAlive: 15 * time.Second}
	conn, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if !o.TLS.On {
		return &tcpGuard{guard{Conn: conn}, conn.(*net.TCPConn)}, nil
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = address
	}
	config, err := o.TLS.config(host)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	secured := tls.Client(conn, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return &guard{Conn: secured}, nil
}

// config reads the files.
func (t *TLS) config(host string) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host}
	if t.ServerName != "" {
		c.ServerName = t.ServerName
	}
	if t.CA != "" {
		data, err := file.Whole(t.CA, maxCertificate)
		if err != nil {
			return nil, fmt.Errorf("%w of the store: %w", errFiles, err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(data) {
			return nil, fmt.Errorf("%w of the store: %s has no certificate in PEM", errFiles, t.CA)
		}
	}
	if t.Cert != "" {
		cert, err := file.Whole(t.Cert, maxCertificate)
		key, keyErr := file.Whole(t.Key, maxCertificate)
		if err = errors.Join(err, keyErr); err != nil {
			return nil, fmt.Errorf("%w of the store: %w", errFiles, err)
		}
		own, err := tls.X509KeyPair(cert, key)
		if err != nil {
			return nil, fmt.Errorf("%w of the store: %s and %s: %w", errFiles, t.Cert, t.Key, err)
		}
		c.Certificates = []tls.Certificate{own}
	}
	return c, nil
}

// silence is what the library may log to.
type silence struct{}

// Printf drops a line.
func (silence) Printf(context.Context, string, ...any) {}
