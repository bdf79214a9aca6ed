package cluster

import "testing"

// verify runs "wafer k8s verify" as a Job and returns what it printed, and an error if it found
// something.
func (n namespace) verify(t *testing.T) (string, error) {
	t.Helper()
	t.Skip("not there yet")
	return "", nil
}
