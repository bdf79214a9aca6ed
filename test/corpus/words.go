package corpus

import "strings"

func words(text string) []string { return strings.Fields(text) }

func lines(text string) []string { return strings.Split(strings.TrimSpace(text), "\n") }

var (
	sections  = words("women men kids outdoor sport home sale new gifts brands")
	products  = words("shoes boots sandals sneakers jackets coats shirts trousers socks gloves scarves hats belts bags tents lamps chairs mugs tables")
	materials = words("leather canvas wool cotton linen oak steel glass suede rubber silk cork")
	colors    = words("black white brown red blue green yellow grey orange purple")
	orders    = words("price_asc price_desc newest rating name")

	firstNames = words("Anna Ben Clara David Emma Felix Greta Hugo Ida Jonas Katharina Lukas Mia Noah Olivia Paul Rosa Simon Tessa Viktor Zoë Jürgen Łukasz")
	lastNames  = words("Anders Becker Carlsen Dufour Eriksen Fischer Garcia Hansen Ivanova Jensen Keller Lindqvist Moreau Novak O'Brien D'Angelo Petersen Rossi Schmidt Torres Weber Müller-Lüdenscheidt")
	streets    = lines("Main Street\nHigh Street\nStation Road\nPark Avenue\nMill Lane\nSt. John's Way\nUntere Straße\nRue de l'Église\nHill Road\nRiver Walk")
	cities     = lines("Heidelberg\nLyon\nPorto\nBergen\nGdańsk\nTurin\nGhent\nMalmö\nGalway\nGraz\nUtrecht\nSt. Gallen")
	countries  = words("Germany France Portugal Norway Poland Italy Belgium Sweden Ireland Austria Netherlands Spain")
	languages  = words("en-US,en;q=0.9 de-DE,de;q=0.9,en;q=0.7 fr-FR,fr;q=0.9,en;q=0.6 sv-SE,sv;q=0.8,en;q=0.5 pl,en-US;q=0.7,en;q=0.3 ja pt-PT,pt;q=0.9,en;q=0.8 en-GB,en-US;q=0.9,en;q=0.8")
)

// sentencesEnglish have apostrophes, quotes, dashes, brackets, and words that query languages
// and shells have too. All of it is ASCII, so that it can be cut anywhere.
var sentencesEnglish = lines(`
I don't think it's the right size, but I'll keep it anyway.
We've been using these for two years now; they still look new!
Could you select a larger box from the list and drop it off by Friday?
Good design meets a low price - that's what I was looking for.
My neighbor's dog ate the first pair, so I had to order another one.
Please leave the parcel with the people on the 2nd floor (ring twice).
"Best purchase this year", my sister says, and she's hard to please.
It fits, it's warm, it's light: what else is there to say?
Delivery took 3-5 days; the tracking said "out for delivery" for two of them.
Where do I find the table of sizes? The link in the footer doesn't work.
If you want to update the address or delete the account, write to us.
Great value for money & fast shipping, 10/10 would buy again.
The color is darker than in the picture; otherwise everything's fine.
Is it possible to exchange it for the blue one, or is that sold out?
We met from 9 to 5 and then had dinner at the harbor.
Thanks a lot for your quick reply -- the problem is solved.
You're right: the zipper was stuck, but a little soap did the trick.
Between 10 and 12 people can sit at it, and it's easy to fold.
He said he'd insert the card into the machine and wait for the code.
Order by Thursday and it ships the same day (not on holidays).
Not sure whether I should rate it 4 or 5 stars... 4.5, let's say.
All of the cups were broken, all but one; can I get a refund?
This has been my 3rd pair & I'm still happy with the quality.
Wash at 30 degrees, do not tumble dry, iron on low heat.
I slept well in it: it kept me warm at -5 degrees.
The manual (page 12) says to use the short screws first; don't.
Having tried both, I'd go for the cheaper one = same quality.
Price went from $49.90 to $59.90 within a week?!
Like it or not, there's no way around a proper pair of boots.
My order number is 4711/2026; please check what's wrong with it.
To whom it may concern: the invoice I got isn't mine.
It's 80% wool and 20% silk, or so the label claims.
Cut the rope, tie a knot, and pull it tight; done.
I'd have given it five stars, had it arrived in time.
Does the set include the case as well as the charger?
See you on Sunday at 8; bring a bag, a hat and something to drink.
`)

// sentencesForeign are in German, French, Spanish, Polish, Russian, Greek, Arabic, Hindi,
// Chinese, Japanese and Korean.
var sentencesForeign = lines(`
Könnten Sie mir bitte sagen, wann die Schuhe wieder lieferbar sind?
Die Größe passt, aber die Farbe ist dunkler als auf dem Foto – schade!
Straße und Hausnummer stimmen; geliefert wurde trotzdem „nebenan“.
L'article est arrivé hier, mais il n'est pas de la bonne couleur.
Où puis-je trouver le tableau des tailles ? Merci d'avance.
C'est un très bon achat : léger, chaud et bien fini.
¿Podrían cambiarlo por uno más pequeño? ¡Muchas gracias!
El envío tardó ocho días; el año pasado fue más rápido.
La señora del piso de abajo recogió el paquete mañana y tarde.
Czy mogę zwrócić buty, jeśli nie będą pasować?
Przesyłka dotarła szybko, a jakość jest świetna.
Proszę zostawić paczkę u sąsiada na drugim piętrze.
Подскажите, пожалуйста, когда будет доставка?
Размер подошёл, цвет чуть темнее, чем на фото.
Очень довольна покупкой, спасибо вам большое!
Πότε θα είναι ξανά διαθέσιμα τα παπούτσια;
Η παραγγελία ήρθε γρήγορα και όλα ήταν εντάξει.
Μπορώ να το αλλάξω με ένα μεγαλύτερο μέγεθος;
متى سيصل الطلب؟ لقد مرّ أسبوع بالفعل.
المنتج جيد جدًا والتوصيل كان سريعًا، شكرًا لكم.
هل يمكنني استبداله بمقاس أكبر؟
क्या मैं इसे बड़े आकार से बदल सकता हूँ?
सामान समय पर पहुँचा और गुणवत्ता बहुत अच्छी है।
कृपया पार्सल पड़ोसी के पास छोड़ दें।
请问这双鞋什么时候有货?
快递很快,质量也不错,下次还会再来。
颜色比图片深一点,不过很满意。
この靴はいつ再入荷しますか?
思ったより小さかったので、交換をお願いします。
とても気に入りました。ありがとうございます!
이 신발은 언제 다시 입고되나요?
배송이 빨라서 좋았어요. 감사합니다!
사진보다 색이 조금 어둡지만 만족합니다.
`)

// client is what a browser or an app says of itself.
type client struct {
	agent                    string
	brands, mobile, platform string // client hints, of Chromium only
	plain                    bool   // sends no Sec-Fetch fields
}

var clients = []client{
	{agent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36", brands: `"Chromium";v="143", "Google Chrome";v="143", "Not A(Brand";v="24"`, mobile: "?0", platform: `"Windows"`},
	{agent: "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36", brands: `"Chromium";v="142", "Google Chrome";v="142", "Not_A Brand";v="99"`, mobile: "?0", platform: `"macOS"`},
	{agent: "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Mobile Safari/537.36", brands: `"Chromium";v="143", "Google Chrome";v="143", "Not A(Brand";v="24"`, mobile: "?1", platform: `"Android"`},
	{agent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0", brands: `"Chromium";v="142", "Microsoft Edge";v="142", "Not_A Brand";v="99"`, mobile: "?0", platform: `"Windows"`},
	{agent: "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15"},
	{agent: "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1"},
	{agent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0"},
	{agent: "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0"},
	{agent: "ExampleShop/7.12.1 (de.example.shop; build:4711; iOS 18.5.0) Alamofire/5.9.1", plain: true},
	{agent: "okhttp/4.12.0", plain: true},
}
