package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// secured is a server that is asked in several ways. Its addr is that of HTTP/1.1 in clear text.
type secured struct {
	*server
	clear2 string // of HTTP/2 in clear text
	tls    string // of both, by TLS
}

// certificate writes a certificate of its own for shop.example.com, with a key for ECDSA P-256.
func (s *site) certificate() (cert, key string, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", "", err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "bench"}, DNSNames: []string{serverName},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		return "", "", err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return "", "", err
	}
	cert, key = filepath.Join(s.dir, "tls.crt"), filepath.Join(s.dir, "tls.key")
	if err := os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		return "", "", err
	}
	return cert, key, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600)
}

const serverName = "shop.example.com"

// trusting is how clients of the scenario speak TLS: whom they meet is not what is measured.
func trusting(protocols ...string) *tls.Config {
	return &tls.Config{ServerName: serverName, InsecureSkipVerify: true, NextProtos: protocols}
}

// nginxSecure is nginxConf with TLS, HTTP/2 and gRPC, as most people write it: tickets, and no sessions kept.
const nginxSecure = `worker_processes 1;
daemon off;
pid %[1]s/nginx.pid;
error_log stderr crit;
events { worker_connections 1024; }
http {
  access_log off;
  client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy;
  fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
  keepalive_requests 1000000000;
  upstream backend { server %[2]s; keepalive 64; keepalive_requests 1000000000; }
  upstream calls { server %[3]s; keepalive 64; keepalive_requests 1000000000; }
  server {
    listen %[4]s;
    listen %[5]s http2;
    listen %[6]s ssl http2;
    ssl_certificate %[7]s;
    ssl_certificate_key %[8]s;
    ssl_protocols TLSv1.2 TLSv1.3;
    location / {
      proxy_pass http://backend;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
    }
    location /shop.Orders/ { grpc_pass grpc://calls; }
  }
}
`

// addresses are n that nobody listens on.
func addresses(n int) (list []string, err error) {
	for range n {
		addr, err := freeAddr()
		if err != nil {
			return nil, err
		}
		list = append(list, addr)
	}
	return list, nil
}

func (s *site) startSecureNginx(ctx context.Context, program, calls, cert, key string) (*secured, error) {
	at, err := addresses(3)
	if err != nil {
		return nil, err
	}
	v := &secured{&server{name: "nginx", accessLog: "off", addr: at[0]}, at[1], at[2]}
	dir := filepath.Join(s.dir, "nginx")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	conf := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, nginxSecure, dir, s.backend, calls, at[0], at[1], at[2], cert, key), 0o644); err != nil {
		return nil, err
	}
	_, err = s.start(ctx, v.server, serverCore, "http://"+at[0]+"/", program, "-p", dir, "-c", conf)
	return v, err
}

// startSecureWafer starts the product with a listener in clear text and one with TLS.
func (s *site) startSecureWafer(ctx context.Context, program, mode, calls, cert, key string) (*secured, error) {
	at, err := addresses(3)
	if err != nil {
		return nil, err
	}
	name := "wafer " + mode
	v := &secured{&server{name: name, accessLog: "off", addr: at[0], admin: at[2], inspects: mode == "block"}, at[0], at[1]}
	routes := filepath.Join(s.dir, fileName(name)+".yaml")
	err = os.WriteFile(routes, fmt.Appendf(nil, `routes:
  - { id: pages, upstreams: [{ id: backend }] }
  - { id: calls, paths: [{ prefix: /shop.Orders/ }], upstreams: [{ id: calls }] }
upstreams:
  - { id: backend, endpoints: ["http://%s"] }
  - { id: calls, endpoints: ["http://%s"], protocol: h2c }
policies: [{ id: default, mode: %q }]
`, s.backend, calls, mode), 0o644)
	if err != nil {
		return nil, err
	}
	boot := filepath.Join(s.dir, fileName(name)+"-boot.yaml")
	err = os.WriteFile(boot, fmt.Appendf(nil, `listeners:
  - { name: clear, address: %q }
  - { name: tls, address: %q, tls: { certificates: [{ cert: %q, key: %q }] } }
admin: %q
routes: %q
log: { access: "off" }
drain_delay: 0s
`, at[0], at[1], cert, key, at[2], routes), 0o644)
	if err != nil {
		return nil, err
	}
	_, err = s.start(ctx, v.server, serverCore, "http://"+at[2]+"/readyz", program, "serve", "--config", boot)
	return v, err
}

// serveCalls is the service of gRPC behind every proxy: it says what it was told.
func serveCalls(listen string) error {
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	protocols.SetHTTP1(true) // to be asked whether it is there
	s := &http.Server{Addr: listen, Protocols: &protocols, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
			return
		}
		w.Header().Set("Content-Type", "application/grpc")
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		_, _ = w.Write(body)
		w.Header().Set(http.TrailerPrefix+"Grpc-Status", "0")
	})}
	return s.ListenAndServe()
}

func (s *site) startCalls(ctx context.Context) (string, error) {
	addr, err := freeAddr()
	if err != nil {
		return "", err
	}
	v := &server{name: "calls", accessLog: "off", addr: addr}
	_, err = s.start(ctx, v, loadCore, "http://"+addr+"/", s.self, "calls", "-listen", addr)
	return addr, err
}
