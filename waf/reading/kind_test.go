package reading

import (
	"strings"
	"testing"
)

// Every kind reaches the rules: it is shown with the head or with the body, is made of other kinds, or
// belongs to what Coraza is told in another way.
func TestKindsAreShown(t *testing.T) {
	shown := map[Kind]int{}
	for _, k := range OfHead {
		shown[k]++
	}
	for _, k := range OfBody {
		if shown[k]++; shown[k] > 1 && !k.Single() {
			t.Errorf("%s is shown twice", k)
		}
	}
	for _, k := range []Kind{
		ArgsCombinedSize,                                                                    // made of others, as names are
		UniqueID,                                                                            // the transaction's id
		FullRequestLength, InboundDataError, OutboundDataError, RemoteHost, UrlencodedError, // never change
		ResponseBody, ResponseContentLength, ResponseContentType, ResponseHeaders, ResponseProtocol, ResponseStatus, StatusLine, // Coraza reads responses
	} {
		shown[k]++
	}
	for k := range Kinds {
		if names := strings.HasSuffix(k.String(), "_NAMES") && k != FilesNames; shown[k] == 0 && !names {
			t.Errorf("%s is not shown to rules", k)
		}
	}
}
