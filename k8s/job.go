package k8s

import (
	_ "embed"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// jobYAML has the objects, with names in $() for what differs: an account, then a role and its binding for each place, and
// the Job.
//
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
	kind, args, list := "Job", "", "\n            - "
	if o.Schedule != "" {
		kind, list = "CronJob", "\n                - "
	}
	for _, a := range slices.Concat([]string{"k8s", "verify", "--routes", "/etc/wafer/routes/" + routesKey, "--pods"}, o.Args) {
		args += list + strconv.Quote(a)
	}
	const end = "---\n"
	objects := strings.SplitAfter(jobYAML, end)
	job := o.scheduled(objects[3])
	text := objects[0]
	for _, p := range o.Places() {
		text += strings.NewReplacer("$(PLACE)", p.Namespace, "$(WHY)", p.Why).Replace(objects[1] + objects[2])
	}
	_, err := strings.NewReplacer("$(NAMESPACE)", o.Namespace, "$(KIND)", kind, "$(IMAGE)", o.Image, "\n$(ARGS)", args, "$(CONFIG_MAP)", o.ConfigMap).
		WriteString(w, text+job)
	return err
}

// scheduled makes a Job the template of a CronJob, if there is a schedule.
func (o *JobOptions) scheduled(job string) string {
	const spec = "\nspec:\n"
	head, body, _ := strings.Cut(job, spec)
	if o.Schedule == "" {
		return job
	}
	deeper := ""
	for line := range strings.Lines(body) {
		if !strings.HasPrefix(line, "$(") {
			line = "    " + line
		}
		deeper += line
	}
	return head + spec + "  schedule: " + strconv.Quote(o.Schedule) + `
  concurrencyPolicy: Forbid
  failedJobsHistoryLimit: 3
  jobTemplate:
    spec:
` + deeper
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
