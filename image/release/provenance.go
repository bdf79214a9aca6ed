package main

import (
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// checksums is the name of the file that "sha256sum --check" reads.
const checksums = "SHA256SUMS"

// sums writes the checksums of all files so far.
func (r *release) sums() error {
	files, err := r.made()
	if err != nil {
		return err
	}
	var b bytes.Buffer
	for _, f := range files {
		fmt.Fprintf(&b, "%s  %s\n", f.Digest["sha256"], f.Name)
	}
	return os.WriteFile(filepath.Join(r.out, checksums), b.Bytes(), 0o644)
}

// made returns the files of the release so far, by name, with their digests.
func (r *release) made() ([]resource, error) {
	entries, err := os.ReadDir(r.out) // sorted by name
	if err != nil {
		return nil, err
	}
	var found []resource
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join(r.out, e.Name()))
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(content)
		found = append(found, resource{Name: e.Name(), Digest: map[string]string{"sha256": hex.EncodeToString(sum[:])}})
	}
	return found, nil
}

// What follows is an in-toto statement (version 1) whose predicate is the provenance of SLSA (version 1).
type (
	statement struct {
		Type          string     `json:"_type"`
		Subject       []resource `json:"subject"`
		PredicateType string     `json:"predicateType"`
		Predicate     predicate  `json:"predicate"`
	}

	resource struct {
		Name   string            `json:"name,omitempty"`
		URI    string            `json:"uri,omitempty"`
		Digest map[string]string `json:"digest,omitempty"`
	}

	predicate struct {
		BuildDefinition buildDefinition `json:"buildDefinition"`
		RunDetails      runDetails      `json:"runDetails"`
	}

	buildDefinition struct {
		BuildType            string            `json:"buildType"`
		ExternalParameters   map[string]string `json:"externalParameters"`
		InternalParameters   map[string]string `json:"internalParameters"`
		ResolvedDependencies []resource        `json:"resolvedDependencies"`
	}

	runDetails struct {
		Builder struct {
			ID string `json:"id"`
		} `json:"builder"`
	}
)

const (
	repository = "https://github.com/wafer-waf/wafer"
	buildType  = repository + "/blob/main/docs/release.md#what-is-built"
)

// provenance states which commit, modules and compiler the files were made from. It has no time in it, so
// that whoever builds the commit again gets the same statement; signing it is up to who publishes it.
func (r *release) provenance() error {
	subject, err := r.made()
	if err != nil {
		return err
	}
	binaries, err := filepath.Glob(filepath.Join(r.binaries, "*", "wafer"))
	if err != nil || len(binaries) == 0 {
		return fmt.Errorf("no binaries in %s (%w)", r.binaries, err)
	}
	info, err := buildinfo.ReadFile(binaries[0])
	if err != nil {
		return err
	}
	s := statement{
		Type: "https://in-toto.io/Statement/v1", Subject: subject, PredicateType: "https://slsa.dev/provenance/v1",
		Predicate: predicate{BuildDefinition: buildDefinition{
			BuildType:          buildType,
			ExternalParameters: map[string]string{"source": "git+" + repository, "version": r.version},
			InternalParameters: map[string]string{"go": info.GoVersion},
			ResolvedDependencies: []resource{
				{URI: "git+" + repository + "@refs/tags/" + r.version, Digest: map[string]string{"gitCommit": r.commit}},
			},
		}},
	}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		sum, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(m.Sum, "h1:"))
		if err != nil {
			return fmt.Errorf("sum of %s: %w", m.Path, err)
		}
		s.Predicate.BuildDefinition.ResolvedDependencies = append(s.Predicate.BuildDefinition.ResolvedDependencies, resource{
			URI: "pkg:golang/" + m.Path + "@" + strings.ReplaceAll(m.Version, "+", "%2B"), Digest: map[string]string{"dirHash": hex.EncodeToString(sum)},
		})
	}
	s.Predicate.RunDetails.Builder.ID = r.builder
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(s); err != nil {
		return err
	}
	return os.WriteFile(r.name("provenance.intoto.json"), b.Bytes(), 0o644)
}
