package wire

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/wafer-waf/wafer/test/tier"
)

const shopDescriptors = `
file {
  name: "shop.proto" package: "shop" syntax: "proto3"
  message_type {
    name: "Order"
    field { name: "note" number: 1 label: LABEL_OPTIONAL type: TYPE_STRING }
    field { name: "name" number: 2 label: LABEL_OPTIONAL type: TYPE_STRING }
  }
  service { name: "Orders" method { name: "Create" input_type: ".shop.Order" output_type: ".shop.Order" } }
}`

// With descriptors fields have names, which events tell and exclusions take, and what has none may be refused.
func TestGRPCNames(t *testing.T) {
	t.Parallel()
	back := newBackend(t, ok)
	routes := tier.RouteFile(t, fmt.Sprintf(`
routes:
  - { id: lenient, hosts: [lenient.test], policy: lenient, upstreams: [{ id: b }] }
  - { id: strict, hosts: [strict.test], policy: strict, upstreams: [{ id: b }] }
upstreams: [{ id: b, endpoints: ["%s"] }]
policies:
  - id: lenient
    grpc: { descriptors: api/shop.pb }
    exclusions:
      - { tag: attack-sqli, target: "ARGS:shop.Orders/Create.note", path: /shop.Orders, reason: notes are about databases }
      - { rule: 942100, target: "ARGS:shop.Orders/Create.note", reason: the same everywhere }
  - { id: strict, inherits: lenient, grpc: { unknown_fields: refuse } }
`, back.url()))
	var files descriptorpb.FileDescriptorSet
	if err := prototext.Unmarshal([]byte(shopDescriptors), &files); err != nil {
		t.Fatal(err)
	}
	set, err := proto.Marshal(&files)
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(filepath.Dir(routes), "api")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "shop.pb"), set, 0o644); err != nil {
		t.Fatal(err)
	}
	w := tier.Start(t, routes)
	call := func(host, message, code string) reply {
		t.Helper()
		r := ask(t, w.Addr, callWeb(host, webProto, "", grpcMessage(0, message)))
		if r.header.Get("Grpc-Status") != code {
			t.Errorf("%q: %q, want status %q", message, r.head, code)
		}
		return r
	}
	call("lenient.test", protoField(1, sqlAttack), "")
	call("lenient.test", protoField(77, "a text"), "")
	r := call("lenient.test", protoField(2, sqlAttack), "7")
	rules, _ := w.Security(r.id)["rules"].([]any)
	if len(rules) == 0 || rules[0].(map[string]any)["target"] != "ARGS_POST:shop.Orders/Create.name" && rules[0].(map[string]any)["target"] != "ARGS:shop.Orders/Create.name" {
		t.Errorf("%v", rules)
	}
	call("strict.test", protoField(1, sqlAttack), "")
	r = call("strict.test", protoField(77, "a text"), "7")
	wantEvent(t, w.Security(r.id), map[string]any{"rule_id": 200002.0})
}
