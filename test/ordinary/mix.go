package ordinary

import "math/rand/v2"

// kind is a kind of request and how many of a thousand it is.
type kind struct {
	name   string
	weight int
	write  func(*author) Request
}

func kinds() []kind {
	return []kind{
		{"asset", 490, (*author).asset},
		{"document", 45, (*author).document},
		{"get", 70, (*author).get},
		{"pixel", 80, (*author).pixel},
		{"video", 25, (*author).video},
		{"tile", 16, (*author).tile},
		{"sync", 16, (*author).sync},
		{"search", 14, (*author).search},
		{"redirect", 10, (*author).redirects},
		{"path", 6, (*author).paths},
		{"write", 32, (*author).write},
		{"graphql", 18, (*author).graphql},
		{"text beacon", 44, (*author).beaconText},
		{"form beacon", 20, (*author).beaconForm},
		{"binary beacon", 16, (*author).beaconBinary},
		{"mislabelled", 16, (*author).mislabelled},
		{"rum", 10, (*author).rum},
		{"sentry", 7, (*author).sentry},
		{"bid", 14, (*author).bid},
		{"rpc", 12, (*author).rpc},
		{"batch", 6, (*author).batch},
		{"chat", 5, (*author).chat},
		{"report", 3, (*author).report},
		{"login", 8, (*author).login},
		{"form", 6, (*author).form},
		{"admin", 2, (*author).admin},
		{"upload", 3, (*author).upload},
		{"license", 2, (*author).license},
		{"device", 3, (*author).device},
		{"xml", 1, (*author).xml},
	}
}

// Requests returns n requests, the same for the same seed. Every thousand has exactly the
// shares of the kinds.
func Requests(seed uint64, n int) []Request {
	var thousand []kind
	for _, k := range kinds() {
		for range k.weight {
			thousand = append(thousand, k)
		}
	}
	a := &author{rand.New(rand.NewPCG(2026, seed))}
	list := make([]Request, 0, n)
	for len(list) < n {
		at := len(list) % len(thousand)
		if at == 0 {
			a.Shuffle(len(thousand), func(i, j int) { thousand[i], thousand[j] = thousand[j], thousand[i] })
		}
		r := thousand[at].write(a)
		r.Kind = thousand[at].name
		list = append(list, r)
	}
	return list
}
