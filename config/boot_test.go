package config

import (
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
)

// loadBoot loads with the given arguments and environment, and the text of a boot file
// unless it is empty.
func loadBoot(t *testing.T, file string, args, environ []string) (Boot, error) {
	t.Helper()
	if file != "" {
		path := filepath.Join(t.TempDir(), "wafer.yaml")
		if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		environ = append(environ, "WAFER_CONFIG="+path)
	}
	fs := pflag.NewFlagSet("wafer", pflag.ContinueOnError)
	BootFlags(fs)
	if err := fs.Parse(args); err != nil {
		t.Fatal(err)
	}
	return LoadBoot(fs, environ)
}

// TestBootPrecedence gives each case as the default, changed like this.
func TestBootPrecedence(t *testing.T) {
	f := func(name, file string, args, environ []string, change func(*Boot)) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			want := DefaultBoot()
			want.To = "http://app:80"
			change(&want)
			got, err := loadBoot(t, file, append([]string{"--to=http://app:80"}, args...), environ)
			if err != nil {
				t.Fatal(err)
			}
			got.places, got.file, got.sum = nil, "", [32]byte{}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("\n got %+v\nwant %+v", got, want)
			}
		})
	}
	const file = "log: { level: debug, format: json }\n"

	f("nothing given", "", nil, nil, func(*Boot) {})
	f("file over default", file, nil, nil, func(b *Boot) { b.Log.Level, b.Log.Format = "debug", "json" })
	f("variable over file", file, nil, []string{"WAFER_LOG_LEVEL=warn"},
		func(b *Boot) { b.Log.Level, b.Log.Format = "warn", "json" })
	f("flag over variable", file, []string{"--log-level=error"}, []string{"WAFER_LOG_LEVEL=warn"},
		func(b *Boot) { b.Log.Level, b.Log.Format = "error", "json" })
	f("flag over file", file, []string{"--log-level=error"}, nil,
		func(b *Boot) { b.Log.Level, b.Log.Format = "error", "json" })
	f("flag back to the default", file, []string{"--log-level=info"}, nil, func(b *Boot) { b.Log.Format = "json" })
	f("file with one key of a group", "timeout: { body: 1m30s }\n", nil, nil,
		func(b *Boot) { b.Timeout.Body = 90 * time.Second })
	f("lists replace", "trusted_proxies: [10.0.0.0/8, 192.168.0.0/16]\n", nil, []string{"WAFER_TRUSTED_PROXIES=fd00::/8"},
		func(b *Boot) { b.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("fd00::/8")} })
	f("list of a flag", "", []string{"--trusted-proxies", "10.0.0.0/8, 192.168.0.0/16"}, nil, func(b *Boot) {
		b.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.168.0.0/16")}
	})
	f("empty list", "trusted_proxies: [10.0.0.0/8]\n", nil, []string{"WAFER_TRUSTED_PROXIES="},
		func(b *Boot) { b.TrustedProxies = []netip.Prefix{} })
	f("empty text", "", nil, []string{"WAFER_ADMIN="}, func(b *Boot) { b.Admin = "" })
	f("numbers and sizes", "", []string{"--limit-connections=5", "--limit-head=8KiB"}, nil,
		func(b *Boot) { b.Limits.Connections, b.Limits.Head = 5, 8*KiB })
	f("numbers and sizes of variables", "limits: { connections: 7 }", nil,
		[]string{"WAFER_LIMITS_CONNECTIONS=5", "WAFER_LIMITS_HEAD=8KiB"},
		func(b *Boot) { b.Limits.Connections, b.Limits.Head = 5, 8*KiB })
	f("durations", "", []string{"--drain-delay=0s", "--reload-interval=0"}, []string{"WAFER_SHUTDOWN_GRACE=1m"},
		func(b *Boot) { b.DrainDelay, b.Reload.Interval, b.ShutdownGrace = 0, 0, time.Minute })
	f("switch", "", []string{"--forwarded-header"}, nil, func(b *Boot) { b.ForwardedHeader = true })
	f("switched off again", "forwarded_header: true\n", []string{"--forwarded-header=false"}, nil, func(*Boot) {})
	f("variables of others", "", nil, []string{
		"PATH=/bin", "WAFER_TEST_ANYTHING=1", "WAFER_SERVICE_HOST=10.0.0.1", "WAFER_PORT=tcp://10.0.0.1:80",
		"WAFER_SERVICE_PORT_HTTP=80", "WAFER_PORT_80_TCP_ADDR=10.0.0.1", "WAFER_ADMIN_PORT_9090_TCP=x",
	}, func(*Boot) {})
}

// TestBootProblems covers what only flags and variables can get wrong; files have
// testdata/invalid-boot.
func TestBootProblems(t *testing.T) {
	f := func(name, file string, args, environ []string, want ...string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			got, err := loadBoot(t, file, args, environ)
			if err == nil {
				t.Fatalf("no error: %+v", got)
			}
			_, text, isFile := strings.Cut(err.Error(), "wafer.yaml")
			if !isFile {
				text = err.Error()
			}
			if lines := strings.Split(text, "\n"); !slices.Equal(lines, want) {
				t.Errorf("got\n%s\nwant\n%s", text, strings.Join(want, "\n"))
			}
		})
	}
	to := []string{"--to=http://app:80"}
	f("unknown variables", "", to, []string{"WAFER_LISTENN=:1", "WAFER_LIMIT_HEAD=1KiB", "WAFER_XYZ=1"},
		"WAFER_LISTENN: unknown; did you mean WAFER_LISTEN?",
		"WAFER_LIMIT_HEAD: unknown; did you mean WAFER_LIMITS_HEAD?",
		"WAFER_XYZ: unknown")
	f("everything at once", "", []string{"--listen=x", "--limit-connections=many", "--timeout-body=5", "--log-level=loud"},
		[]string{"WAFER_LIMITS_HEAD=65536", "WAFER_TRUSTED_PROXIES=10.0.0.1,all", "WAFER_FORWARDED_HEADER=yes", "WAFER_LOG_FORMAT="},
		`WAFER_LIMITS_HEAD: 65536 has no unit: write 64KiB`,
		`WAFER_TRUSTED_PROXIES: 10.0.0.1 has no prefix length: write 10.0.0.1/32; "all" is not a network: write it like 10.0.0.0/8`,
		`WAFER_FORWARDED_HEADER: want true or false, got "yes"`,
		`--limit-connections: want a whole number, got "many"`,
		`--timeout-body: 5 has no unit: write 5s`,
		`--listen: "x" is not host:port: write it like :8080 or 127.0.0.1:8080`,
		`routes: required: give a route file (--routes FILE) or a backend (--to http://host:port)`,
		`--log-level: "loud" is not debug, info, warn or error`,
		`WAFER_LOG_FORMAT: "" is not auto, json or console`)
	f("routes and to", "", append(to, "--routes=routes.yaml"), nil, "--to: --routes and --to exclude each other: keep one")
	f("routes and to of two layers", "", to, []string{"WAFER_ROUTES=routes.yaml"},
		"--to: WAFER_ROUTES and --to exclude each other: keep one")
	f("a bad value in the file, a good one on the flag", "log: { level: loud, format: 7 }", append(to, "--log-level=info"), nil,
		`:1: log.format: want a string, got a number: put it in quotes, "7"`)
	f("no such file", "", append(to, "--config=/does/not/exist.yaml"), nil,
		"read boot file: open /does/not/exist.yaml: no such file or directory")
}

func TestBootWithoutFlags(t *testing.T) {
	b, err := LoadBoot(nil, []string{"WAFER_ROUTES=routes.yaml"})
	if err != nil || b.Routes != "routes.yaml" {
		t.Errorf("got %+v, %v", b, err)
	}
	other := pflag.NewFlagSet("other", pflag.ContinueOnError)
	other.Bool("verbose", false, "a flag of somebody else")
	if err := other.Parse([]string{"--verbose"}); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadBoot(other, []string{"WAFER_TO=http://app:80"}); err != nil {
		t.Error(err)
	}
}

// TestSettings keeps the table of flags and the struct together.
func TestSettings(t *testing.T) {
	var paths []string
	for _, s := range settings {
		paths = append(paths, s.path)
	}
	want := slices.DeleteFunc(leafPaths(reflect.TypeFor[Boot]()), func(path string) bool { return slices.Contains(fileOnly, path) })
	if !slices.Equal(paths, want) {
		t.Errorf("settings\n got %q\nwant %q", paths, want)
	}
}

// TestFlagDefaults reads the default texts of all flags back.
func TestFlagDefaults(t *testing.T) {
	fs := pflag.NewFlagSet("wafer", pflag.ContinueOnError)
	BootFlags(fs)
	var args []string
	fs.VisitAll(func(f *pflag.Flag) {
		if f.Name != configFlag && f.Name != "to" {
			args = append(args, "--"+f.Name+"="+f.DefValue)
		}
	})
	got, err := loadBoot(t, "", append(args, "--to=http://app:80"), nil)
	want := DefaultBoot()
	want.To = "http://app:80"
	want.TrustedProxies, want.AdminHosts, want.AdminPeers, want.AdminClosed, want.LastGood.Peers, want.Store.Addresses = []netip.Prefix{}, []string{}, []string{}, []string{}, []string{}, []string{}
	want.Metrics.Aliases = []string{}
	want.AdminTLS = AdminTLS{ClientCA: []string{}, ClientCRL: []string{}, PeerCA: []string{}}
	want.Masking = Masking{Names: []string{}, Headers: []string{}, Cookies: []string{}, JSONPaths: []string{}}
	got.places, got.file, got.sum = nil, "", [32]byte{}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	if help := fs.FlagUsages(); !strings.Contains(help, "--timeout-body duration") || !strings.Contains(help, "(default 30s)") {
		t.Errorf("help:\n%s", help)
	}
}
