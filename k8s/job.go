package k8s

import (
	_ "embed"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"strings"
	"text/template"
)

//go:embed job.yaml
var jobYAML string

// JobOptions are what differs from one verify Job to the next.
type JobOptions struct {
	Namespace string
	Image     string
	ConfigMap string   // with the tier's route file
	Schedule  string   // of a CronJob; empty: a Job that runs once
	Endpoints []string // host:port of applications, of which those elsewhere take rights there
	Args      []string // further arguments of "wafer k8s verify"
}

// Names of objects, and of images with registry, tag and digest. What does not match could
// end the line it stands in.
var (
	objectName   = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$`)
	scheduleText = regexp.MustCompile(`^[A-Za-z0-9@*/, -]*$`)
	imageName    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/@-]*$`)
)

// WriteJob prints a Job that runs Verify inside the cluster, and what it needs.
func WriteJob(w io.Writer, o JobOptions) error {
	switch {
	case !imageName.MatchString(o.Image):
		return fmt.Errorf("image %q is not the name of an image", o.Image)
	case !objectName.MatchString(o.Namespace):
		return fmt.Errorf("namespace %q is not a name", o.Namespace)
	case !objectName.MatchString(o.ConfigMap):
		return fmt.Errorf("ConfigMap %q is not a name", o.ConfigMap)
	case !scheduleText.MatchString(o.Schedule):
		return fmt.Errorf("schedule %q is none of cron", o.Schedule)
	}
	t, err := template.New("job").Parse(jobYAML)
	if err != nil {
		return err
	}
	o.Args = slices.Concat([]string{"k8s", "verify", "--routes", "/etc/wafer/routes/" + routesKey, "--pods"}, o.Args)
	return t.Execute(w, o)
}

// Place is a namespace in which the Job looks for pods, and why.
type Place struct{ Namespace, Why string }

// Places are the Job's own namespace, and those of the endpoints.
func (o JobOptions) Places() []Place {
	list := []Place{{o.Namespace, "To find the pods behind each origin Service."}}
	for _, e := range o.Endpoints {
		host, _, _ := net.SplitHostPort(e)
		_, namespace, ok := shortName(host, o.Namespace)
		if !ok || !objectName.MatchString(namespace) || slices.ContainsFunc(list, func(p Place) bool { return p.Namespace == namespace }) {
			continue
		}
		why := "To find the pods behind " + host + "."
		if strings.Count(host, ".") == 1 {
			why += " If that is a host outside of the cluster, leave this out."
		}
		list = append(list, Place{namespace, why})
	}
	return list
}
