package residue

import (
	"testing"

	"github.com/corazawaf/coraza/v3"
	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"
)

// TestAssigned compares setvar with Coraza's, for every value after every other.
func TestAssigned(t *testing.T) {
	values := []string{"", "0", "7", "-3", "+2", "+", "-", "+x", "-x", "text", "+tx.a", "-tx.a", "12a", "+9223372036854775807", "+99999999999999999999", " 1", "1 "}
	for _, before := range values {
		for _, value := range values {
			if before == "" || value == "" {
				continue // Coraza takes no empty text
			}
			known := map[string]string{}
			for _, v := range []string{before, value} {
				if after, set := Assigned(known["x"], v); set {
					known["x"] = after
				}
			}
			if got, want := known["x"], corazaAssigns(t, before, value); got != want {
				t.Errorf("%q after %q: got %q, want %q", value, before, got, want)
			}
		}
	}
}

func corazaAssigns(t *testing.T, values ...string) string {
	t.Helper()
	text := "SecRuleEngine On\n"
	for i, v := range values {
		text += `SecAction "id:` + string(rune('1'+i)) + `,phase:1,pass,nolog,setvar:'tx.x=` + v + `'"` + "\n"
	}
	w, err := coraza.NewWAF(coraza.NewWAFConfig().WithDirectives(text))
	if err != nil {
		t.Fatal(err)
	}
	tx := w.NewTransaction()
	defer func() { _ = tx.Close() }()
	tx.ProcessRequestHeaders()
	if got := tx.(plugintypes.TransactionState).Variables().TX().Get("x"); len(got) > 0 {
		return got[0]
	}
	return ""
}
