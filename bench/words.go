package main

import "strings"

func words(text string) []string { return strings.Fields(text) }

var (
	sections = words("women men kids outdoor sport home sale new")
	products = words("shoes boots sandals sneakers jackets coats shirts trousers socks gloves scarves hats belts bags tents lamps chairs mugs")
	colors   = words("black white brown red blue green yellow grey orange purple")
	orders   = words("price_asc price_desc newest rating name")
	themes   = words("light dark auto")

	firstNames = words("Anna Ben Clara David Emma Felix Greta Hugo Ida Jonas Katharina Lukas Mia Noah Olivia Paul Rosa Simon Tessa Viktor")
	lastNames  = words("Anders Becker Carlsen Dufour Eriksen Fischer Garcia Hansen Ivanova Jensen Keller Lindqvist Moreau Novak Okafor Petersen Rossi Schmidt Torres Weber")
	streets    = []string{"Main Street", "High Street", "Station Road", "Park Avenue", "Mill Lane", "Church Street", "Garden Way", "Lake View", "Hill Road", "River Walk"}
	cities     = words("Heidelberg Lyon Porto Bergen Gdansk Turin Ghent Malmo Galway Graz Utrecht Seville")
	countries  = words("Germany France Portugal Norway Poland Italy Belgium Sweden Ireland Austria Netherlands Spain")
	deliveries = words("standard express pickup evening")
	languages  = []string{"en-US,en;q=0.9", "de-DE,de;q=0.9,en;q=0.7", "fr-FR,fr;q=0.9,en;q=0.6", "sv-SE,sv;q=0.8,en;q=0.5", "pt-PT,pt;q=0.9,en;q=0.8"}

	proseWords = words(`please leave the parcel with our neighbor on second floor ring lower bell twice happy birthday dear
		we hope these will fit well thank you for your quick answer last time it was very good colors are bright and warm
		soft leather strong canvas made to last many winters comfortable durable light easy everyday wear spring evening
		walk garden morning paper box ribbon blue green small large`)
)

// browsers are the heads that everyday clients send.
var browsers = []struct{ agent, hints, platform string }{
	{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36", `"Chromium";v="143", "Not A(Brand";v="24"`, `"Windows"`},
	{"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36", `"Chromium";v="142", "Not_A Brand";v="99"`, `"macOS"`},
	{"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36", `"Chromium";v="143", "Not A(Brand";v="24"`, `"Linux"`},
	{"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15", "", ""},
	{"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0", "", ""},
	{"Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0", "", ""},
}
