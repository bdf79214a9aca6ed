package sinks_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/wafer-waf/wafer/test/certs"
	"github.com/wafer-waf/wafer/test/ports"
	"github.com/wafer-waf/wafer/test/sinks"
	"github.com/wafer-waf/wafer/test/tier"
)

// daemon is rsyslog, which writes what it gets to a file.
type daemon struct {
	dir  string
	port int
	cmd  *exec.Cmd
}

func (d *daemon) Start(t *testing.T) {
	t.Helper()
	program, err := exec.LookPath("rsyslogd")
	if err != nil {
		if program = "/usr/sbin/rsyslogd"; !exists(program) {
			t.Fatal("rsyslogd is not installed: make need-rsyslog")
		}
	}
	d.cmd = exec.Command(program, "-n", "-i", filepath.Join(d.dir, "pid"), "-f", filepath.Join(d.dir, "conf"))
	d.cmd.Stderr = os.Stderr
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	tier.Eventually(t, "rsyslog listens", func() bool {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", d.port))
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func (d *daemon) Kill(*testing.T) {
	_ = d.cmd.Process.Kill()
	_ = d.cmd.Wait()
	_ = os.Remove(filepath.Join(d.dir, "pid"))
}

// lines are those of the file that are whole.
func (d *daemon) lines() [][]byte {
	data, _ := os.ReadFile(filepath.Join(d.dir, "events"))
	return bytes.Split(data[:bytes.LastIndexByte(data, '\n')+1], []byte{'\n'})
}

func (d *daemon) Received() int { return len(d.lines()) - 1 }

// newDaemon starts one, by TLS or not.
func newDaemon(t *testing.T, secured bool) (d *daemon, kind string) {
	t.Helper()
	d = &daemon{dir: t.TempDir(), port: ports.Free(t)}
	at := func(name string) string { return filepath.Join(d.dir, name) }
	network, driver, clientTLS := "tcp", "", ""
	drivers := ""
	if secured {
		ca := certs.Authority(t, "logs")
		leaf := ca.Issue(t, certs.Of{CN: "127.0.0.1", IPs: []net.IP{net.IPv4(127, 0, 0, 1)}, RSA: true})
		certs.Write(t, d.dir, map[string][]byte{"ca": ca.Cert(), "cert": leaf.Cert(), "key": leaf.PrivateKey()})
		drivers = fmt.Sprintf(` defaultNetstreamDriver="gtls" defaultNetstreamDriverCAFile=%q defaultNetstreamDriverCertFile=%q defaultNetstreamDriverKeyFile=%q`, at("ca"), at("cert"), at("key"))
		driver = ` StreamDriver.Name="gtls" StreamDriver.Mode="1" StreamDriver.AuthMode="anon"`
		network, clientTLS = "tcp+tls", "\n        tls: { ca: "+at("ca")+" }"
	}
	conf := fmt.Sprintf(`global(workDirectory=%q maxMessageSize="64k"%s)
main_queue(queue.type="Direct")
module(load="imtcp"%s)
template(name="message" type="string" string="%%app-name%% %%msgid%% %%msg%%\n")
input(type="imtcp" address="127.0.0.1" port="%d")
action(type="omfile" file=%q template="message" asyncWriting="off" flushOnTXEnd="on")
`, d.dir, drivers, driver, d.port, at("events"))
	if err := os.WriteFile(at("conf"), []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	d.Start(t)
	t.Cleanup(func() { d.Kill(t) })
	return d, fmt.Sprintf(`
      syslog:
        address: %s://127.0.0.1:%d
        batch: 16KiB
        every: 50ms
        timeout: 1m%s`, network, d.port, clientTLS)
}

// batchEvents are the events that may stand in one batch: what a server had not read from its system when it was
// killed is lost, without anybody hearing of it.
const batchEvents = 16 << 10 / 100

func TestRsyslogIsKilled(t *testing.T) {
	for network, secured := range map[string]bool{"tcp": false, "tls": true} {
		t.Run(network, func(t *testing.T) {
			d, kind := newDaemon(t, secured)
			l := sinks.Load(t, sink(kind))
			got := l.Killed(d, rounds(), series, up, 1, 2)
			tier.Eventually(t, "what was sent arrives", func() bool { return len(d.distinct(t).events) >= got.Sent-rounds()*batchEvents })
			arrived := d.distinct(t).Received()
			t.Logf("%d different events arrived, %d short of those sent", arrived, got.Sent-arrived)
			told(t, l, rounds())
		})
	}
}

// distinct are the events of the file, which are what the tier has written.
func (d *daemon) distinct(t *testing.T) *seen {
	s := &seen{}
	for _, line := range d.lines() {
		if len(line) == 0 {
			continue
		}
		fields := bytes.SplitN(line, []byte{' '}, 3)
		if len(fields) != 3 || string(fields[0]) != "wafer" {
			continue // of rsyslog itself
		}
		s.add(t, fields[2])
	}
	return s
}
