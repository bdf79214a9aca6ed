package inspect

import (
	"encoding/binary"
	"encoding/hex"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/wafer-waf/wafer/coding"
	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/waf"
)

// builder writes messages of Protocol Buffers as services send them.
type builder struct {
	b []byte
	r *rand.Rand
}

func (p *builder) text(number int, s string) *builder {
	p.b = binary.AppendUvarint(p.b, uint64(number)<<3|2)
	p.b = append(binary.AppendUvarint(p.b, uint64(len(s))), s...)
	return p
}

func (p *builder) number(number int, n uint64) *builder {
	p.b = binary.AppendUvarint(p.b, uint64(number)<<3)
	p.b = binary.AppendUvarint(p.b, n)
	return p
}

func (p *builder) double(number int, f float64) *builder {
	p.b = binary.AppendUvarint(p.b, uint64(number)<<3|1)
	p.b = binary.LittleEndian.AppendUint64(p.b, math.Float64bits(f))
	return p
}

func (p *builder) bytes(number, n int) *builder {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(p.r.Uint32())
	}
	return p.text(number, string(b))
}

func (p *builder) within(number int, f func(*builder)) *builder {
	inner := &builder{r: p.r}
	f(inner)
	return p.text(number, string(inner.b))
}

func (p *builder) uuid() string {
	b := make([]byte, 16)
	for i := range b {
		b[i] = byte(p.r.Uint32())
	}
	h := hex.EncodeToString(b)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

func (p *builder) pick(of ...string) string { return of[p.r.IntN(len(of))] }

// services are what calls of ordinary services carry.
var services = map[string]func(*builder){
	"order": func(p *builder) {
		p.text(1, p.uuid()).number(2, uint64(p.r.IntN(9))).within(3, func(p *builder) {
			p.text(1, p.pick("Ann O'Neill", "Jürgen Groß", "李小龙", "Zoë van den Berg")).text(2, p.pick("12 Main St.", "Rue de l'Église 5", "Königsallee 1")).text(3, p.pick("DE", "US", "FR"))
		})
		for range p.r.IntN(5) {
			p.within(4, func(p *builder) {
				p.text(1, p.pick("SKU-1043", "Socks, 2 pairs", "Union Jack mug", "Selected poems")).number(2, uint64(p.r.IntN(100))).within(3, func(p *builder) {
					p.text(1, "EUR").number(2, uint64(p.r.IntN(10000))).number(3, uint64(p.r.IntN(1e9)))
				})
			})
		}
	},
	"place": func(p *builder) {
		p.double(1, p.r.Float64()*180-90).double(2, p.r.Float64()*360-180).number(3, p.r.Uint64())
	},
	"telemetry": func(p *builder) {
		for range 20 {
			p.within(1, func(p *builder) {
				p.text(1, p.pick("cpu.load", "mem.used", "disk.io", "net.rx_bytes")).number(2, 1.7e18).double(3, p.r.Float64()*100).within(4, func(p *builder) {
					p.text(1, "host").text(2, "ip-10-0-"+p.pick("1", "2", "3")+"-7.eu-west-1.compute.internal")
				})
			})
		}
	},
	"span": func(p *builder) {
		p.bytes(1, 16).bytes(2, 8).text(5, p.pick("GET /orders/{id}", "shop.Orders/Create", "SELECT orders")).number(6, 2).number(7, p.r.Uint64())
	},
	"embedding": func(p *builder) {
		packed := make([]byte, 0, 4*768)
		for range 768 {
			packed = binary.LittleEndian.AppendUint32(packed, math.Float32bits(p.r.Float32()*2-1))
		}
		p.text(1, "text-embedding").text(2, string(packed))
	},
	"picture": func(p *builder) { p.text(1, "avatar.png").bytes(2, 2000+p.r.IntN(3000)).text(3, "image/png") },
	"hash":    func(p *builder) { p.bytes(1, 32).bytes(2, 64).number(3, p.r.Uint64()) },
	"token":   func(p *builder) { p.text(1, "eyJhbGciOiJIUzI1NiJ9."+hex.EncodeToString([]byte(p.uuid()))+"."+p.uuid()) },
	"numbers": func(p *builder) {
		packed := []byte{}
		for range 200 {
			packed = binary.AppendUvarint(packed, uint64(p.r.IntN(1<<20)))
		}
		p.text(4, string(packed)).number(1, 1)
	},
	"flags": func(p *builder) { p.number(1, 1).number(2, 0).number(17, 1).number(200, uint64(p.r.IntN(5))) },
	"prose": func(p *builder) {
		p.text(1, p.pick("Thanks for the quick reply! See you on Monday; I'll bring the documents.", "Très bien, à demain.", "Wie geht's? Alles gut – bis später!", "ありがとうございます"))
	},
	"any": func(p *builder) { p.text(1, "type.googleapis.com/shop.Order").within(2, receipt) },
	"struct": func(p *builder) {
		p.within(1, func(p *builder) { p.text(1, "user_id").within(2, func(p *builder) { p.double(2, 42) }) })
	},
	"health": func(p *builder) { p.text(1, "shop.Orders") },
}

func receipt(p *builder) { p.text(1, p.uuid()).number(2, 3) }

// What ordinary services say is not blocked.
func TestOrdinaryMessages(t *testing.T) {
	block, _ := policies(t)
	block.RequestLimit, block.ResponseLimit = 1<<20, 1<<20
	by := &Inspector{Decoder: coding.New()}
	head := post("/shop.Orders/Create", "application/grpc", 0)
	head.Protocol = message.HTTP20
	head.Headers = message.Fields{
		{Name: "Host", Value: "a.test"}, {Name: "content-type", Value: "application/grpc"}, {Name: "user-agent", Value: "grpc-go/1.85.0"},
		{Name: "te", Value: "trailers"}, {Name: "grpc-accept-encoding", Value: "gzip"}, {Name: "grpc-timeout", Value: "59999m"},
	}
	r := rand.New(rand.NewPCG(1, 2))
	for name, write := range services {
		blocked, asked := 0, 0
		const each = 150
		for range each {
			p := &builder{r: r}
			write(p)
			framed := append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(p.b))), p.b...)
			var i Inspection
			i.Begin(by, &block, Terms{ID: "id"})
			o := i.RequestHead(head)
			if !o.Stops() {
				o = i.RequestMessage(Body{Bytes: framed, Ended: true})
			}
			f := i.End().Findings
			if f.Screened.String() != "clean" {
				asked++
			}
			if o.Stops() {
				blocked++
				for _, m := range f.Matches {
					t.Logf("%s: %d %v", name, m.RuleID, m.Targets)
				}
			}
		}
		t.Logf("%s: %d of %d asked the rules", name, asked, each)
		if blocked > 0 {
			t.Errorf("%s: %d of %d blocked", name, blocked, each)
		}
	}
}

// An attack is found wherever a message has it.
func TestAttacksInMessages(t *testing.T) {
	block, detect := policies(t)
	by := &Inspector{Decoder: coding.New()}
	const union = "1' UNION SELECT username, password FROM users -- "
	for name, write := range map[string]func(*builder){
		"a text": func(p *builder) { p.text(1, union) },
		"deep": func(p *builder) {
			for range 60 {
				inner := string(p.b)
				if inner == "" {
					inner = string((&builder{}).text(1, union).b)
				}
				p.b = nil
				p.text(3, inner)
			}
		},
		"bytes":          func(p *builder) { p.text(1, union+"\x01\x02") },
		"among numbers":  func(p *builder) { p.number(1, 7).double(2, 1).text(3, union).number(4, 9) },
		"a repeated one": func(p *builder) { p.text(1, "a").text(1, "b").text(1, union) },
		"no message":     func(p *builder) { p.b = append([]byte{7}, union...) },
	} {
		p := &builder{}
		write(p)
		framed := append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(p.b))), p.b...)
		for _, policy := range []*Policy{&block, &detect} {
			var i Inspection
			i.Begin(by, policy, Terms{ID: "id"})
			i.RequestHead(post("/shop.Orders/Create", "application/grpc-web-text", 0)) // whatever the type says of the stream
			o := i.RequestMessage(Body{Bytes: framed, Ended: true})
			i.End()
			if want := map[bool]Verdict{false: Block, true: WouldBlock}[policy.Detect]; o.Verdict != want {
				t.Errorf("%s: %v, want %v", name, o.Verdict, want)
			}
		}
	}
}

// BenchmarkMessage is what a message of a call costs, with the head that it is shown with.
func BenchmarkMessage(b *testing.B) {
	e, err := waf.NewEngine(waf.Policy{
		ID: "test", BlockingParanoia: 1, DetectionParanoia: 1, InboundThreshold: 5, OutboundThreshold: 4, ReportingLevel: 4, RequestBody: true, ResponseBodyBytes: limit,
	})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = e.Close() }() // at the end
	policy := Policy{Engine: e, RequestBodies: true, RequestLimit: 1 << 20}
	by := &Inspector{Decoder: coding.New()}
	head := post("/shop.Orders/Create", "application/grpc", 0)
	p := &builder{r: rand.New(rand.NewPCG(1, 2))}
	services["order"](p)
	framed := append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(p.b))), p.b...)
	b.ReportAllocs()
	b.SetBytes(int64(len(framed)))
	for b.Loop() {
		var i Inspection
		i.Begin(by, &policy, Terms{ID: "id"})
		i.RequestHead(head)
		if o := i.RequestMessage(Body{Bytes: framed, Ended: true}); o.Verdict != Pass {
			b.Fatalf("%+v", o)
		}
		i.End()
	}
}
