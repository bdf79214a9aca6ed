package k8s

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	core "k8s.io/api/core/v1"
)

// Standing is which configuration a pod serves, by its own account, and why it is not that of the files.
type Standing struct {
	Digest   string   `json:"digest"`    // empty: it serves nothing, or does not say
	LastGood string   `json:"last_good"` // where what it serves is from, if it was started with files that are refused
	Problems []string `json:"problems"`  // why the files are refused
}

// standing asks a pod, ready or not. One that does not say, as those of older versions, has an empty one.
func (c *Cluster) standing(ctx context.Context, pod *core.Pod, port string) (s Standing) {
	number, ok := podPort(pod.Spec, port)
	if !ok || pod.Status.Phase == core.PodPending {
		return s
	}
	at := adminAt(pod, number)
	if c.decode(ctx, &s, nil, "api/v1/namespaces", pod.Namespace, "pods", at, "proxy/api/v1/standing") != nil {
		return Standing{}
	}
	return s
}

// adminAt is how the API server reaches a pod's admin listener: by TLS, if the kubelet does.
func adminAt(pod *core.Pod, port int32) string {
	at := fmt.Sprintf("%s:%d", pod.Name, port)
	for i := range pod.Spec.Containers {
		probe := pod.Spec.Containers[i].ReadinessProbe
		if probe != nil && probe.HTTPGet != nil && probe.HTTPGet.Scheme == core.URISchemeHTTPS {
			return "https:" + at
		}
	}
	return at
}

// Tiers asks the tiers of namespaces.
func (c *Cluster) Tiers(ctx context.Context, namespaces []string, o TierOptions) (map[string]*Tier, error) {
	tiers := map[string]*Tier{}
	for _, ns := range namespaces {
		t, err := c.Tier(ctx, ns, o)
		if err != nil {
			return nil, err
		}
		tiers[ns] = t
	}
	return tiers, nil
}

// Wrong says what is wrong with the configurations that the pods of a tier serve, each with the pod's name.
func (t *Tier) Wrong() (wrong []string) {
	digests := t.digests()
	for i := range t.Pods {
		p := &t.Pods[i]
		at := t.Namespace + "/" + p.Name
		if why := strings.Join(p.Problems, "; "); why != "" {
			switch {
			case p.LastGood != "":
				why = "was started with a configuration that is refused, and serves the last good one, from " + p.LastGood + ": " + why
			case p.Digest != "":
				why = "refuses its configuration, and serves the one from before: " + why
			default:
				why = "refuses its configuration, and has none to serve: " + why
			}
			wrong = append(wrong, at+" "+why)
		}
		if most := digests[0]; p.Digest != "" && p.Digest != most {
			wrong = append(wrong, fmt.Sprintf("%s serves configuration %s, most pods %s", at, short(p.Digest), short(most)))
		}
	}
	return wrong
}

// digests are those that pods serve, the most common first; never none.
func (t *Tier) digests() []string {
	count := map[string]int{}
	for i := range t.Pods {
		if d := t.Pods[i].Digest; d != "" {
			count[d]++
		}
	}
	all := slices.SortedFunc(maps.Keys(count), func(a, b string) int {
		if n := count[b] - count[a]; n != 0 {
			return n
		}
		return strings.Compare(a, b)
	})
	return append(all, "")
}

// short is a digest as people compare it.
func short(digest string) string { return digest[:min(len(digest), 12)] }

// WriteTiers prints the pods of tiers and what they serve, and below what is wrong.
func WriteTiers(w io.Writer, tiers map[string]*Tier) error {
	if !slices.ContainsFunc(slices.Collect(maps.Values(tiers)), func(t *Tier) bool { return len(t.Pods) > 0 }) {
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "POD OF THE TIER\tREADY\tCONFIGURATION")
	var wrong strings.Builder
	for _, ns := range slices.Sorted(maps.Keys(tiers)) {
		for _, p := range tiers[ns].Pods {
			ready := "no"
			if p.Ready {
				ready = "yes"
			}
			fmt.Fprintf(t, "%s/%s\t%s\t%s\n", ns, p.Name, ready, orDash(short(p.Digest)))
		}
		for _, why := range tiers[ns].Wrong() {
			fmt.Fprintf(&wrong, "WRONG: %s\n", why)
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := io.WriteString(w, wrong.String())
	return err
}
