package demo

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// Limits of what the shop reads; above them it answers 413.
const (
	maxFormBytes   = 64 << 10
	maxOrderBytes  = 256 << 10
	maxUploadBytes = 10 << 20
)

// product is one thing on the shelf.
type product struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Description string `json:"description"`
	Cents       int    `json:"price_cents"`
}

// Price is the price as it is shown.
func (p product) Price() string { return fmt.Sprintf("€ %d.%02d", p.Cents/100, p.Cents%100) }

// order is what a client sends to buy something.
type order struct {
	Product  string `json:"product"`
	Quantity int    `json:"quantity"`
	Note     string `json:"note"`
}

// confirmation is the answer to an order. It repeats the order, as shops do.
type confirmation struct {
	Status string `json:"status"`
	Order  order  `json:"order"`
}

// shop is the protected demo application. It keeps nothing between requests.
type shop struct {
	products []product
	pages    fragments
}

func newShop() http.Handler {
	s := &shop{
		products: []product{
			{"mug", "Stoneware mug", "Thrown by hand, 300 ml, glazed in oat.", 1890},
			{"kettle", "Pour-over kettle", "Gooseneck spout, holds one liter.", 5400},
			{"filter", "Paper filters", "One hundred, unbleached, size 02.", 650},
			{"beans", "House blend", "Roasted on Tuesdays, 500 g.", 1450},
		},
		pages: parseFragments(shopPages),
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.home)
	mux.HandleFunc("GET /about", s.about)
	mux.HandleFunc("GET /search", s.search)
	mux.HandleFunc("GET /login", s.loginForm)
	mux.HandleFunc("POST /login", s.login)
	mux.HandleFunc("GET /api/products", s.listProducts)
	mux.HandleFunc("POST /api/orders", s.createOrder)
	mux.HandleFunc("GET /upload", s.uploadForm)
	mux.HandleFunc("POST /upload", s.upload)
	mux.HandleFunc("GET /debug/error", s.leak)
	return mux
}

// shelf shows products.
func (s *shop) shelf(products []product) markup {
	all := s.pages.fill("shelf begins")
	for _, p := range products {
		all += s.pages.fill("product", "name", p.Name, "description", p.Description, "price", p.Price())
	}
	return all + s.pages.fill("shelf ends")
}

func (s *shop) home(w http.ResponseWriter, _ *http.Request) {
	s.pages.page(w, http.StatusOK, "Everything", s.pages.fill("home"), s.pages.fill("find", "query", ""), s.shelf(s.products))
}

func (s *shop) about(w http.ResponseWriter, _ *http.Request) {
	s.pages.page(w, http.StatusOK, "About", s.pages.fill("about"))
}

func (s *shop) search(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query().Get("q")
	var found []product
	for _, item := range s.products {
		if strings.Contains(strings.ToLower(item.Name+" "+item.Description), strings.ToLower(query)) {
			found = append(found, item)
		}
	}
	s.pages.page(w, http.StatusOK, "Search", s.pages.fill("search"), s.pages.fill("find", "query", query),
		s.pages.fill("found", "count", strconv.Itoa(len(found)), "query", query), s.shelf(found))
}

func (s *shop) loginForm(w http.ResponseWriter, _ *http.Request) {
	s.pages.page(w, http.StatusOK, "Sign in", s.pages.fill("login"), s.pages.fill("login form"))
}

func (s *shop) login(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxFormBytes)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "unreadable form", badBody(err))
		return
	}
	if r.PostForm.Get("user") != "demo" || r.PostForm.Get("password") != "demo" {
		s.pages.page(w, http.StatusUnauthorized, "Sign in", s.pages.fill("login"),
			s.pages.fill("message", "message", "That is not the name and the word we know."), s.pages.fill("login form"))
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (s *shop) listProducts(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, s.products)
}

func (s *shop) createOrder(w http.ResponseWriter, r *http.Request) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/json" {
		http.Error(w, "an order is application/json", http.StatusUnsupportedMediaType)
		return
	}
	o := order{Quantity: 1}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxOrderBytes)).Decode(&o); err != nil {
		http.Error(w, "unreadable order", badBody(err))
		return
	}
	for _, item := range s.products {
		if item.ID == o.Product {
			writeJSON(w, http.StatusCreated, confirmation{Status: "accepted", Order: o})
			return
		}
	}
	http.Error(w, "no such product", http.StatusNotFound)
}

func (s *shop) uploadForm(w http.ResponseWriter, _ *http.Request) {
	s.pages.page(w, http.StatusOK, "Send a photo", s.pages.fill("upload"))
}

// uploadedFile is what the shop says about a file that it has counted and thrown away.
type uploadedFile struct {
	Name  string `json:"name"`
	Bytes int64  `json:"bytes"`
}

func (s *shop) upload(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxUploadBytes)
	parts, err := r.MultipartReader()
	if err != nil {
		http.Error(w, "an upload is multipart/form-data", http.StatusUnsupportedMediaType)
		return
	}
	files := []uploadedFile{}
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			http.Error(w, "unreadable upload", badBody(err))
			return
		}
		n, err := io.Copy(io.Discard, part)
		if err != nil {
			http.Error(w, "unreadable upload", badBody(err))
			return
		}
		if part.FileName() != "" {
			files = append(files, uploadedFile{Name: part.FileName(), Bytes: n})
		}
	}
	writeJSON(w, http.StatusOK, files)
}

// leaked is what an application shows when nobody has turned its error pages off: the text of a
// database error and a Java stack trace, both known to the response rules of CRS.
const leaked = `java.sql.SQLSyntaxErrorException: You have an error in your SQL syntax; check the manual that corresponds to your MySQL server version for the right syntax to use near 'ORDER BY price' at line 1
	at com.mysql.cj.jdbc.exceptions.SQLError.createSQLException(SQLError.java:121)
	at com.mysql.cj.jdbc.StatementImpl.executeQuery(StatementImpl.java:1200)
	at shop.catalog.ProductDao.findAll(ProductDao.java:58)
	at shop.web.CatalogServlet.doGet(CatalogServlet.java:31)
Caused by: java.lang.NullPointerException
	at shop.catalog.Sorting.column(Sorting.java:17)
	... 4 more
`

func (s *shop) leak(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(http.StatusInternalServerError)
	_, _ = io.WriteString(w, leaked)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

// badBody is the status for a body that could not be read.
func badBody(err error) int {
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return http.StatusRequestEntityTooLarge
	}
	return http.StatusBadRequest
}
