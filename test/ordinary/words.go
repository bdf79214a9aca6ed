package ordinary

import "strings"

func words(text string) []string { return strings.Fields(text) }

func lines(text string) []string { return strings.Split(strings.TrimSpace(text), "\n") }

var (
	firstNames     = words("Anna Ben Clara David Emma Felix Greta Hugo Ida Jonas Mia Noah Olivia Paul Rosa Simon Tessa Viktor Zoë Jürgen Łukasz Aoife Søren Chloé Mateo Yuki Wei Amir Nadia Priya Oleksandr 健一 Мария Ελένη")
	lastNames      = words("Becker Carlsen Dufour Eriksen García Hansen Ivanova Keller Moreau Novák O'Brien D'Angelo Rossi Schmidt Müller-Lüdenscheidt Nguyễn Kowalski Tanaka Öztürk McDonald Σταύρου Петрова")
	brands         = words("Acme Globex Initech Umbrella Hooli Vandelay Stark Wayne Wonka Contoso Fabrikam Soylent Litware Tailspin")
	sites          = words("example.com example.org example.net example.co.uk example.de example.fr example.com.br example.co.jp news-example.com shop-example.io example-travel.eu")
	sections       = words("news sport politics economy culture travel products category article video blog forum help docs account checkout cart wiki recipes games weather jobs auto finance wohnen kultur actualites noticias c p item")
	sources        = words("google facebook newsletter bing tiktok linkedin pinterest t.co affiliate awin")
	nouns          = words("house garden table chair lamp river mountain coffee bread window paper music camera phone battery charger bicycle jacket boots shirt kitchen knife board select order union group drop table update insert delete script alert system exec shell command process file config backup admin login user password token secret database server client network cloud storage image video player stream live event meeting calendar ticket train flight hotel beach island winter summer spring autumn light dark blue green red yellow small large best top free cheap new used sale price deal review test guide tutorial howto news update report analysis opinion interview apple pear lemon cherry orange banana carrot potato onion cheese butter milk sugar honey flour pasta pizza burger salad soup dinner lunch breakfast recipe oven fridge freezer dishwasher washer sofa couch pillow blanket mattress carpet curtain mirror shelf desk drawer wardrobe bedroom bathroom balcony terrace garage roof wall floor ceiling door stairs fence lawn flower tree rose tulip forest lake ocean coast valley hill canyon desert village city street bridge tower castle museum opera cinema concert festival album song guitar piano violin drum singer actor director novel author poem magazine newspaper letter postcard stamp wallet watch ring necklace earrings perfume lipstick shampoo soap towel toothbrush doctor nurse clinic pharmacy vaccine school teacher student lesson exam grade college degree office manager salary invoice budget market stock fund bond loan mortgage insurance lawyer court election minister mayor police fire ambulance football tennis golf hockey boxing swimming running cycling skiing coach goal league season derby transfer squad engine wheel clutch brake diesel electric hybrid parking highway airport gate luggage passport visa embassy")
	queriesEnglish = lines(`
how to boil an egg
best running shoes 2026
women's winter boots size 8
5" tablet case
what's the weather like
rock & roll t-shirt
"to be or not to be"
cheap flights london -> new york
iphone 15 pro max 256gb
c++ reference
c# list select where
bed 140x200 cm
usb-c to hdmi (2m)
hotels near me < 100 euro
50% off sneakers
o'neill wetsuit
barnes & noble
mac'n'cheese recipe
is 1 or 2 better?
cat pictures
drop shipping; is it worth it?
AC/DC tickets
24/7 gym
johnson's baby shampoo or similar
order by phone
union jack flag
insert coin game
table lamp and chair set
top 10 movies of 2026
time in tokyo now
man with a mission
echo dot 5
find my phone
host a party
nice hotels paris
less sugar more taste
xbox one or ps4
jobs in IT/finance
`)
	// queriesOdd are about programs, or look as if they were.
	queriesOdd = lines(`
sql join vs union
select all rows from table where date = today
how to delete a file in linux
node.js sleep 1 second
ls 460 car
kill bill 1=2?
wget alternatives
python import error
php echo not working
javascript:void(0) meaning
onclick not working safari
<title> tag seo length
who am i (film)
ping pong table
curl cream for hair
`)
	queriesForeign = lines(`
Wanderschuhe für Damen wasserdicht
Größe 42 günstig kaufen
was kostet ein Führerschein?
Käse-Spätzle Rezept
chaussures d'été pour homme
crème brûlée à l'ancienne
où acheter une télé pas chère
l'équipe de france
zapatos niño otoño
¿dónde está la oficina de correos?
cañón eléctrico
scarpe da ginnastica più comode
perché il cielo è blu
sapatos confortáveis promoção
coração de mãe
buty zimowe męskie rozmiar 44
żółta łódź podwodna
levné letenky Praha Londýn
příliš žluťoučký kůň
ucuz uçak bileti İstanbul
şehir içi ulaşım
зимние ботинки женские
погода в москве на неделю
купить телефон недорого
як приготувати борщ
їжа з доставкою
φθηνά εισιτήρια Αθήνα
καιρός σήμερα
أحذية رياضية رجالية
الطقس اليوم
נעלי ספורט לנשים
מזג האוויר
जूते ऑनलाइन खरीदें
मौसम आज
รองเท้าผู้หญิง
อากาศวันนี้
冬季女靴
今天天气怎么样
手机壳 苹果
冬用ブーツ レディース
東京 天気 明日
ラーメン 近く
겨울 부츠 여성
오늘 날씨
giày nữ mùa đông
thời tiết hôm nay
vinterskor för män
blåbärspaj
varme støvler
halvat lennot Helsinki Pariisi
olcsó téli csizma
ieftine bilete de avion
goedkope fietsen 's-Hertogenbosch
`)
	headlines = lines(`
10 things you didn't know about coffee
"It's over": union drops its plan
What the vote means for you — and for them
Live: storm hits the coast; no trains
He said, she said: how a story spreads
Select committee to update report on table salt
Order & chaos: inside the exchange
Prices up 5% (or more) since May
Why we can't have nice things
The best of 2026 – so far
Wie geht's weiter? Das sagt die Kanzlerin
»Ich bin's«: Interview mit dem Trainer
L'été sera chaud : ce qu'il faut savoir
¡Qué golazo! El resumen del partido
Путешествие на край света
東京の桜、今年は早め
سعر الذهب اليوم
`)
	sentencesEnglish = lines(`
I don't think it's the right size, but I'll keep it anyway.
We've been using these for two years now; they still look new!
Could you select a larger box from the list and drop it off by Friday?
"Best purchase this year", my sister says, and she's hard to please.
If you want to update the address or delete the account, write to us.
Great value for money & fast shipping, 10/10 would buy again.
Not sure whether I should rate it 4 or 5 stars... 4.5, let's say.
Price went from $49.90 to $59.90 within a week?!
Thanks @mike :) see you at 5pm (or later) <3
My order number is 4711/2026; please check what's wrong with it.
It fits, it's warm, it's light: what else is there to say?
I tried to turn it off and on again -- no luck.
Where do I find it? Settings > Account > Privacy & security.
lol that's so true 😂😂 can't believe it...
You can reach me at +44 (0)20 7946 0018 or by e-mail.
He's 6'2" tall, and the bed is only 6' long.
They union has called for a strike; all or nothing, 1 in 2 agree.
1. Mix flour and eggs 2. add salt 3. bake for 20-25 min. at 180°
Like this: first a, then b, and then (if there is any) c.
Re: Re: Fwd: meeting notes; see attachment(s)
We met from 9 to 5 and then had dinner at the harbor.
Is it possible to exchange it for the blue one, or is that sold out?
`)
	sentencesForeign = lines(`
Das ist ja 'ne tolle Sache; ich hab's gleich zweimal bestellt!
Könnten Sie mir bitte die Rechnung (Nr. 4711/26) schicken?
Je n'ai pas reçu mon colis, c'est normal ? J'attends depuis 3 jours…
C'est très bien, mais l'écran s'éteint tout seul après 5 min.
¿Dónde está mi pedido? Llevo esperando más de dos semanas.
È bellissimo, l'ho usato subito: nient'altro da dire.
Não recebi a encomenda; já passaram três semanas, o que faço?
Bardzo dobry produkt, polecam! Szybka wysyłka i niska cena.
Çok güzel bir ürün, herkese tavsiye ederim; kargo hızlıydı.
Отличный товар, всем рекомендую! Доставка за 3 дня.
Дякую за швидку доставку, все чудово :)
Πολύ καλό προϊόν, το συστήνω ανεπιφύλακτα.
منتج رائع وسعر مناسب، شكرا لكم
מוצר מצוין, ממליץ בחום!
बहुत अच्छा उत्पाद है, धन्यवाद।
สินค้าดีมาก ส่งไว แนะนำเลยค่ะ
很好用,物流也很快,下次还会再来!
とても良い商品です。また買いたいと思います(笑)
배송도 빠르고 품질도 좋아요^^ 강추합니다!
Sản phẩm rất tốt, giao hàng nhanh.
Toppen! Det här var precis vad jag letade efter.
Nagyon jó termék, csak ajánlani tudom.
`)
	// snippets are what people paste who write about programs. Rules are right to dislike some.
	snippets = lines(`
Use <code>git commit -m "fix"</code> and push.
In CSS: a:hover { color: red; } and you're done.
for (let i = 0; i < n; i++) { sum += list[i]; }
SELECT name, price FROM products WHERE price < 10 ORDER BY name;
npm install --save react@18 && npm start
if x == 1 or y == 2: print("yes")
My .htaccess has RewriteRule ^(.*)$ index.php [L]
The error is: Uncaught TypeError: Cannot read properties of undefined (reading 'length')
docker run -it --rm -p 8080:80 nginx:latest
const {a, b} = require('./config');
`)
)
