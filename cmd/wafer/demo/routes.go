package demo

import (
	_ "embed"
	"strings"
)

// The endpoints in routes.yaml stand for the addresses that are only known once the backends
// listen. They use the reserved name "invalid" (RFC 2606), so that the file is valid as it stands
// and leads nowhere by accident.
const (
	shopEndpoint   = "shop.invalid:80"
	legacyEndpoint = "legacy.invalid:80"
)

//go:embed routes.yaml
var routesYAML string

// Routes is the demo's route file, leading to the given addresses, each host:port.
func Routes(shopAddr, legacyAddr string) []byte {
	return []byte(strings.NewReplacer(shopEndpoint, shopAddr, legacyEndpoint, legacyAddr).Replace(routesYAML))
}
