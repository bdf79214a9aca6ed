package view

import "time"

// Policies answers GET /api/v1/policies.
type Policies struct {
	About      About         `json:"about"`
	Generation uint64        `json:"generation"`
	Policies   []PolicyState `json:"policies"`
}

// PolicyState is a policy with its effective values.
type PolicyState struct {
	ID       string   `json:"id"`
	Mode     string   `json:"mode"`
	Rules    int      `json:"rules"`            // compiled
	Routes   []string `json:"routes"`           // that use it
	Engine   string   `json:"engine,omitempty"` // digest
	NoScreen string   `json:"no_screen,omitempty"`
	Settings []Value  `json:"settings"`
	// Exclusions are those of the policy, with their reasons.
	Exclusions []PolicyExclusion `json:"exclusions"`
}

// Value is one setting of a policy, and where it comes from: a place in the file, another policy, or the default.
type Value struct {
	Path   string `json:"path"`
	Value  any    `json:"value"`
	Source string `json:"source"`
}

// PolicyExclusion is one exclusion of a policy.
type PolicyExclusion struct {
	Rule   int    `json:"rule,omitempty"`
	Rules  string `json:"rules,omitempty"`
	Tag    string `json:"tag,omitempty"`
	Target string `json:"target,omitempty"`
	Path   string `json:"path,omitempty"`
	Reason string `json:"reason"`
	Source string `json:"source"`
}

// Certificates answers GET /api/v1/certificates, those that end first before the others.
type Certificates struct {
	About        About         `json:"about"`
	Certificates []Certificate `json:"certificates"`
}

// Certificate is one that the tier shows: to clients by a listener, or to an upstream.
type Certificate struct {
	For       string    `json:"for"`  // "listener" or "upstream"
	Name      string    `json:"name"` // of it
	File      string    `json:"file,omitempty"`
	Subject   string    `json:"subject,omitempty"`
	Names     []string  `json:"names,omitempty"`
	Issuer    string    `json:"issuer,omitempty"`
	NotBefore time.Time `json:"not_before,omitzero"`
	NotAfter  time.Time `json:"not_after"`
	Days      float64   `json:"days"`  // until then; negative: it has ended
	State     string    `json:"state"` // good, ending (within 14 days), ended, early
	SHA256    string    `json:"sha256,omitempty"`
	// RevokedUntil is when the lists of revoked certificates of the listener are to be replaced.
	RevokedUntil time.Time `json:"revoked_until,omitzero"`
}

// Generations answers GET /api/v1/generations: what is in force, and what was.
type Generations struct {
	About    About    `json:"about"`
	Current  uint64   `json:"current"`
	Digest   string   `json:"digest"`
	LastGood string   `json:"last_good,omitempty"` // where it is from, if the files are refused
	Problems []string `json:"problems,omitempty"`  // why the files are not in force
	// Generations are those that this process has had in force, newest first, twenty at most.
	Generations []Generation `json:"generations"`
	// Differ are pods by the digest of what they serve, if they do not all serve the same.
	Differ map[string][]string `json:"differ,omitempty"`
}

// Generation is a configuration that was put in force.
type Generation struct {
	Generation uint64    `json:"generation"`
	Digest     string    `json:"digest"`
	Since      time.Time `json:"since"`
	Trigger    string    `json:"trigger"` // start, file, SIGHUP, api, last good
	Seconds    float64   `json:"seconds"` // that it took to build
	Added      []string  `json:"added,omitempty"`
	Removed    []string  `json:"removed,omitempty"`
	Modified   []string  `json:"modified,omitempty"` // ids of routes
	// Changes are what differs from the one before, without secrets; More how many there are beyond two hundred.
	Changes []Change `json:"changes,omitempty"`
	More    int      `json:"changes_more,omitempty"`
}

// Change is one value that differs between two configurations.
type Change struct {
	Path   string `json:"path"`             // policies.strict.paranoia.blocking; elements of lists by id, or by place
	Before any    `json:"before,omitempty"` // missing: it was not there
	After  any    `json:"after,omitempty"`  // missing: it is gone
}
