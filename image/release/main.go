// Command release makes of binaries, the image and the tree what a release is: an archive for each platform,
// the manifests, the chart, Debian packages, notes, checksums, and a statement of where all of it comes from.
//
//	release ready -version v1.2.3        whether the tree is one that v1.2.3 may be built from
//	release files -version v1.2.3 …      the files, into a folder that is made anew
//
// The same commit gives the same files, byte for byte: whatever has a time has that of the commit, and
// nothing depends on where or by whom it is built. "make release" runs both.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// release is what one is made from.
type release struct {
	version  string // as "wafer version" says it, the tag: v1.2.3
	commit   string
	time     time.Time // of the commit
	builder  string    // URI of who builds
	tree     string    // root of the tree
	binaries string    // folder with linux-amd64/wafer and so on
	image    string    // image archive
	sbom     string
	out      string
}

func run(args []string) error {
	if len(args) == 0 {
		return errors.New("usage: release ready|noted|files FLAGS")
	}
	var r release
	var epoch int64
	f := flag.NewFlagSet("release "+args[0], flag.ContinueOnError)
	f.StringVar(&r.version, "version", "", "version of the product: its tag")
	f.StringVar(&r.tree, "tree", "..", "root of the tree, from where the command runs")
	f.StringVar(&r.commit, "commit", "", "commit that is built")
	f.Int64Var(&epoch, "epoch", 0, "time of the commit, in seconds since 1970")
	f.StringVar(&r.builder, "builder", "", "URI of who builds, for the statement")
	f.StringVar(&r.binaries, "binaries", "", "folder with the binaries: OS-ARCH/wafer")
	f.StringVar(&r.image, "image", "", "image archive")
	f.StringVar(&r.sbom, "sbom", "", "bill of materials")
	f.StringVar(&r.out, "o", "", "folder to make")
	if err := f.Parse(args[1:]); err != nil {
		return err
	}
	r.time = time.Unix(epoch, 0).UTC()
	switch args[0] {
	case "ready":
		return ready(r.tree, r.version)
	case "noted": // asked first, because building takes minutes
		_, err := noted(r.tree, r.version)
		return err
	case "files":
		return r.files()
	default:
		return fmt.Errorf("no command %q", args[0])
	}
}

// files makes the folder.
func (r *release) files() error {
	if r.version == "" || r.commit == "" || r.builder == "" || r.binaries == "" || r.image == "" || r.sbom == "" || r.out == "" {
		return errors.New("release files needs all of its flags")
	}
	if err := os.RemoveAll(r.out); err != nil {
		return err
	}
	if err := os.MkdirAll(r.out, 0o755); err != nil {
		return err
	}
	for _, step := range []func() error{r.archives, r.manifests, r.chart, r.packages, r.copies, r.notes, r.sums, r.provenance} {
		if err := step(); err != nil {
			return err
		}
	}
	fmt.Println(r.out)
	return nil
}

// name is the name of a file of the release, by its end.
func (r *release) name(end string) string {
	return filepath.Join(r.out, "wafer-"+r.version+"-"+end)
}

// copies takes over what is ready.
func (r *release) copies() error {
	for _, file := range [][2]string{{r.image, "image.tar"}, {r.sbom, "sbom.cdx.json"}} {
		content, err := os.ReadFile(file[0])
		if err != nil {
			return err
		}
		if err := os.WriteFile(r.name(file[1]), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// tag is a version that may be released: Semantic Versioning, with a "v" in front.
var tag = regexp.MustCompile(`^v(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.]+)?$`)
