package otlp

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/delivery"
	"github.com/wafer-waf/wafer/delivery/collector"
	"github.com/wafer-waf/wafer/delivery/remote"
	service "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
)

// server takes logs by gRPC and HTTP, and answers as a test says.
type server struct {
	service.UnimplementedLogsServiceServer
	answer func(ctx context.Context) (*service.ExportLogsServiceResponse, error)

	mu      sync.Mutex
	records int
	token   string
}

func (s *server) Export(ctx context.Context, r *service.ExportLogsServiceRequest) (*service.ExportLogsServiceResponse, error) {
	s.mu.Lock()
	s.records += len(r.ResourceLogs[0].ScopeLogs[0].LogRecords)
	if md, ok := metadata.FromIncomingContext(ctx); ok {
		s.token = strings.Join(md.Get("authorization"), ",")
	}
	answer := s.answer
	s.mu.Unlock()
	if answer != nil {
		return answer(ctx)
	}
	return &service.ExportLogsServiceResponse{}, nil
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	z, err := gzip.NewReader(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	body, _ := io.ReadAll(z)
	var request service.ExportLogsServiceRequest
	if err := proto.Unmarshal(body, &request); err != nil || r.URL.Path != "/v1/logs" {
		http.Error(w, "no logs", http.StatusBadRequest)
		return
	}
	answer, err := s.Export(metadata.NewIncomingContext(r.Context(), metadata.Pairs("authorization", r.Header.Get("Authorization"))), &request)
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	out, _ := proto.Marshal(answer)
	_, _ = w.Write(out)
}

func batch(lines ...string) delivery.Batch[delivery.Line] {
	b := delivery.Batch[delivery.Line]{Number: 1}
	for _, l := range lines {
		b.Items = append(b.Items, delivery.Line{Text: []byte(l), Kind: security})
	}
	return b
}

// each runs a test by gRPC and by HTTP.
func each(t *testing.T, headers string, test func(t *testing.T, s *server, c *Carrier)) {
	t.Run("grpc", func(t *testing.T) {
		s := &server{}
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		g := grpc.NewServer()
		service.RegisterLogsServiceServer(g, s)
		go func() { _ = g.Serve(ln) }()
		defer g.Stop()
		c := New(Options{Collector: collector.Options{GRPC: true, Target: ln.Addr().String(), Clear: true, Remote: remote.New(remote.TLS{}, headers)}})
		defer c.Close()
		test(t, s, c)
	})
	t.Run("http", func(t *testing.T) {
		s := &server{}
		h := httptest.NewServer(s)
		defer h.Close()
		c := New(Options{Collector: collector.Options{URL: h.URL + collector.Logs.Path(), Remote: remote.New(remote.TLS{}, headers)}})
		defer c.Close()
		test(t, s, c)
	})
}

func TestCarries(t *testing.T) {
	headers := filepath.Join(t.TempDir(), "headers")
	if err := os.WriteFile(headers, []byte("Authorization: Bearer one\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	each(t, headers, func(t *testing.T, s *server, c *Carrier) {
		if err := c.Carry(t.Context(), batch(`{"a":1}`, `{"b":2}`)); err != nil {
			t.Fatal(err)
		}
		if s.records != 2 || s.token != "Bearer one" {
			t.Errorf("%d records, token %q", s.records, s.token)
		}
	})
}

func TestPartialSuccess(t *testing.T) {
	each(t, "", func(t *testing.T, s *server, c *Carrier) {
		s.mu.Lock()
		s.answer = func(context.Context) (*service.ExportLogsServiceResponse, error) {
			return &service.ExportLogsServiceResponse{PartialSuccess: &service.ExportLogsPartialSuccess{RejectedLogRecords: 2, ErrorMessage: "too old"}}, nil
		}
		s.mu.Unlock()
		err := c.Carry(t.Context(), batch(`{}`, `{}`, `{}`))
		var refused *delivery.Refusal
		if !errors.As(err, &refused) || refused.Items != 2 || !strings.Contains(err.Error(), "too old") {
			t.Errorf("%v", err)
		}
		s.mu.Lock()
		s.answer = func(context.Context) (*service.ExportLogsServiceResponse, error) {
			return &service.ExportLogsServiceResponse{PartialSuccess: &service.ExportLogsPartialSuccess{ErrorMessage: "a hint"}}, nil
		}
		s.mu.Unlock()
		if err := c.Carry(t.Context(), batch(`{}`)); err != nil {
			t.Errorf("a hint is no refusal: %v", err)
		}
	})
}

func TestHungReceiver(t *testing.T) {
	each(t, "", func(t *testing.T, s *server, c *Carrier) {
		s.mu.Lock()
		s.answer = func(ctx context.Context) (*service.ExportLogsServiceResponse, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		s.mu.Unlock()
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		if err := c.Carry(ctx, batch(`{}`)); err == nil {
			t.Error("taken")
		}
		s.mu.Lock()
		s.answer = nil
		s.mu.Unlock()
		if err := c.Carry(t.Context(), batch(`{}`)); err != nil {
			t.Errorf("once it answers again: %v", err)
		}
	})
}
