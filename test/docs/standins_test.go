package docs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/pflag"
	"sigs.k8s.io/yaml"
)

// What the stand-ins are told by the sandbox, in variables.
const (
	standInTree    = "STANDIN_TREE"    // the root of the tree
	standInBinary  = "STANDIN_BINARY"  // the real wafer
	standInCluster = "STANDIN_CLUSTER" // URL of the cluster's API
	standInEvents  = "STANDIN_EVENTS"  // file with what the tier's pods have logged
)

// standIn does what a program's name promises, as far as a test may.
type standIn func(args []string) error

// standIns are what the test binary is when it is called by another name. What they do not know, they
// refuse: a document that uses more of a program has to teach its stand-in.
var standIns = map[string]standIn{
	"wafer":   standInForWafer,
	"kubectl": standInForKubectl,
	"make":    standInForMake,
	"go":      standInForGo,
	"kind":    standInForKind,
	"helm":    standInForHelm,
}

func (s standIn) main() int {
	err := s(os.Args[1:])
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// standInForWafer runs the real binary. What would serve for ever does so on free ports, and is ended once
// it serves.
func standInForWafer(args []string) error {
	binary := os.Getenv(standInBinary)
	serves := len(args) > 0 && (args[0] == "serve" || args[0] == "demo") && !slices.Contains(args, "--help")
	if !serves {
		return syscall.Exec(binary, append([]string{"wafer"}, args...), os.Environ())
	}
	c := exec.Command(binary, append(args, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0")...)
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := c.StderrPipe()
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	log, served := bytes.Buffer{}, false
	for buf := make([]byte, 4096); ; {
		n, err := out.Read(buf)
		log.Write(buf[:n])
		if !served && bytes.Contains(log.Bytes(), []byte(`"message":"serving"`)) {
			served = true
			if err := c.Process.Signal(os.Interrupt); err != nil {
				return err
			}
		}
		if err != nil {
			break
		}
	}
	err = c.Wait()
	if !served {
		return fmt.Errorf("it never served: %w\n%s", err, log.String())
	}
	return err
}

// standInForMake has make print what it would do: that it does it is what the rest of the tests are for.
func standInForMake(args []string) error {
	c := exec.Command("/usr/bin/make", append([]string{"-n", "--no-print-directory", "-C", os.Getenv(standInTree)}, args...)...)
	c.Stderr = os.Stderr
	if err := c.Run(); err != nil {
		return err
	}
	if slices.Contains(args, "image") {
		return os.WriteFile(filepath.Join("dist", "wafer.tar"), nil, 0o600)
	}
	return nil
}

// standInForKind wants the archive that it is to load to be there.
func standInForKind(args []string) error {
	if len(args) != 3 || args[0] != "load" || args[1] != "image-archive" {
		return fmt.Errorf("the stand-in for kind does not know %q", args)
	}
	_, err := os.Stat(args[2])
	return err
}

// standInForGo wants the packages of a "go test" to have the test that it names.
func standInForGo(args []string) error {
	if len(args) == 0 || args[0] != "test" {
		return fmt.Errorf("the stand-in for go does not know %q", args)
	}
	f := pflag.NewFlagSet("go test", pflag.ContinueOnError)
	for i, a := range args {
		if strings.HasPrefix(a, "-") {
			args[i] = "-" + a // pflag wants two
		}
	}
	run := f.String("run", "", "")
	f.Bool("v", false, "")
	f.Bool("short", false, "")
	f.Int("count", 1, "")
	if err := f.Parse(args[1:]); err != nil {
		return err
	}
	top, _, _ := strings.Cut(strings.TrimPrefix(*run, "^"), "/")
	for _, pkg := range f.Args() {
		files, err := filepath.Glob(filepath.Join(os.Getenv(standInTree), pkg, "*_test.go"))
		if err != nil || len(files) == 0 {
			return fmt.Errorf("%s has no tests", pkg)
		}
		found := false
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			found = found || regexp.MustCompile(`(?m)^func (Test|Benchmark|Fuzz)?`+top).Match(text)
		}
		if !found {
			return fmt.Errorf("%s has no test %s", pkg, top)
		}
	}
	return nil
}

// standInForKubectl does what documents do with a cluster, on the cluster of this package.
func standInForKubectl(args []string) error {
	f := pflag.NewFlagSet("kubectl", pflag.ContinueOnError)
	var k kubectl
	f.StringVarP(&k.namespace, "namespace", "n", "default", "")
	f.StringVarP(&k.file, "filename", "f", "", "")
	f.StringVarP(&k.folder, "kustomize", "k", "", "")
	f.StringVarP(&k.output, "output", "o", "", "")
	f.BoolVarP(&k.all, "all-namespaces", "A", false, "")
	f.StringVarP(&k.labels, "selector", "l", "", "")
	f.String("for", "", "")
	f.String("timeout", "", "")
	f.Int("tail", 0, "")
	f.Bool("prefix", false, "")
	if err := f.Parse(args); err != nil {
		return err
	}
	words := f.Args()
	if len(words) == 0 {
		return errors.New("kubectl without a command")
	}
	switch verb, words := words[0], words[1:]; verb {
	case "apply", "delete":
		return k.change(verb)
	case "get":
		return k.get(words)
	case "rollout":
		if len(words) < 2 || !slices.Contains([]string{"status", "undo", "restart"}, words[0]) {
			return fmt.Errorf("kubectl rollout %q", words)
		}
		return k.exists(words[1])
	case "wait", "port-forward":
		return k.exists(words[0])
	case "logs":
		return k.logs(words)
	default:
		return fmt.Errorf("the stand-in for kubectl does not know %s", verb)
	}
}

type kubectl struct {
	namespace, file, folder, output, labels string
	all                                     bool
}

// change applies or deletes the objects of a file, of standard input, or of a folder of kustomize.
func (k *kubectl) change(verb string) error {
	var text []byte
	var err error
	switch {
	case k.folder != "":
		text, err = resources(k.folder, "")
	case k.file == "-":
		text, err = io.ReadAll(os.Stdin)
	default:
		text, err = os.ReadFile(k.file)
	}
	if err != nil {
		return err
	}
	return k.ask("/"+verb, nil, text)
}

// resources returns the objects that a kustomization names. What else it does to them is rendered in
// test/cluster.
func resources(folder, namespace string) ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(folder, "kustomization.yaml"))
	if err != nil {
		return nil, err
	}
	var k struct {
		Namespace  string   `json:"namespace"`
		Resources  []string `json:"resources"`
		Components []string `json:"components"`
	}
	if err := yaml.Unmarshal(text, &k); err != nil {
		return nil, err
	}
	if k.Namespace != "" {
		namespace = k.Namespace
	}
	var all []byte
	for _, r := range k.Resources {
		path := filepath.Join(folder, r)
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		var one []byte
		if info.IsDir() {
			one, err = resources(path, namespace)
		} else if one, err = os.ReadFile(path); err == nil && namespace != "" {
			one, err = within(namespace, one)
		}
		if err != nil {
			return nil, err
		}
		all = append(append(all, "\n---\n"...), one...)
	}
	for _, c := range k.Components {
		if _, err := os.Stat(filepath.Join(folder, c, "kustomization.yaml")); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// within gives objects their namespace.
func within(namespace string, text []byte) ([]byte, error) {
	var all []byte
	for _, doc := range documents(text) {
		var o map[string]any
		if err := yaml.Unmarshal(doc, &o); err != nil {
			return nil, err
		}
		if meta, ok := o["metadata"].(map[string]any); ok && o["kind"] != "Namespace" && o["kind"] != "PriorityClass" {
			meta["namespace"] = namespace
		}
		one, err := yaml.Marshal(o)
		if err != nil {
			return nil, err
		}
		all = append(append(all, "\n---\n"...), one...)
	}
	return all, nil
}

// get prints objects: only as YAML, which is what documents pass on.
func (k *kubectl) get(words []string) error {
	if len(words) == 0 || k.output != "yaml" {
		return fmt.Errorf("the stand-in for kubectl get prints -o yaml only: %q", words)
	}
	q := url.Values{"kinds": {words[0]}}
	if !k.all {
		q.Set("namespace", k.namespace)
	}
	if len(words) > 1 {
		q.Set("name", words[1])
	}
	return k.ask("/get", q, nil)
}

// exists wants KIND/NAME to be there.
func (k *kubectl) exists(what string) error {
	kind, name, _ := strings.Cut(what, "/")
	return k.ask("/exists", url.Values{"kinds": {kind}, "namespace": {k.namespace}, "name": {name}}, nil)
}

// logs prints what the tier's pods have written, and of a Job that it was there.
func (k *kubectl) logs(words []string) error {
	if k.labels == "" {
		return k.exists(words[0])
	}
	if k.labels != "app.kubernetes.io/name=wafer" {
		return fmt.Errorf("no pod has labels %s", k.labels)
	}
	text, err := os.ReadFile(os.Getenv(standInEvents))
	if err == nil {
		_, err = os.Stdout.Write(text)
	}
	return err
}

func (k *kubectl) ask(path string, q url.Values, body []byte) error {
	if q == nil {
		q = url.Values{"namespace": {k.namespace}}
	}
	resp, err := http.Post(os.Getenv(standInCluster)+path+"?"+q.Encode(), "application/yaml", bytes.NewReader(body)) //nolint:noctx // ends with the process
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", resp.Status, text)
	}
	_, err = os.Stdout.Write(text)
	return err
}

// documents splits YAML where one ends.
func documents(text []byte) [][]byte {
	var all [][]byte
	for doc := range bytes.SplitSeq(append([]byte("\n"), text...), []byte("\n---\n")) {
		if len(bytes.TrimSpace(doc)) > 0 {
			all = append(all, doc)
		}
	}
	return all
}
