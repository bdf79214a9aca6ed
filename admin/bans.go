package admin

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
)

// Bans list, add and clear bans for people. Values are for encoding as JSON; an error that is [ErrHere] comes with a
// value, others say what is wrong with what was asked.
type Bans struct {
	List  func(who, cursor string, most int) (any, error)
	Add   func(ctx context.Context, ask url.Values) (any, error)
	Clear func(ctx context.Context, ask url.Values) (any, error)
}

// ErrHere says that something holds for this process only, for now.
var ErrHere = errors.New("the store that replicas share is down: this holds here only until it is back")

// bans serves /api/v1/bans: GET lists, POST adds, DELETE clears. What is asked stands in the query.
func bans(o Options) http.HandlerFunc {
	change := func(do func(context.Context, url.Values) (any, error)) http.Handler {
		return o.may(Operate, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			result, err := do(r.Context(), r.URL.Query())
			switch {
			case errors.Is(err, ErrHere):
				w.Header().Set("Warning", `199 - "`+ErrHere.Error()+`"`)
				sendJSON(w, http.StatusAccepted, result, o.Log)
			case err != nil:
				problem(w, http.StatusUnprocessableEntity, "ban not changed", err)
			default:
				sendJSON(w, http.StatusOK, result, o.Log)
			}
		}))
	}
	add, clears := change(o.Bans.Add), change(o.Bans.Clear)
	return func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case http.MethodPost:
			add.ServeHTTP(w, r)
		case http.MethodDelete:
			clears.ServeHTTP(w, r)
		default:
			ask := r.URL.Query()
			most, _ := strconv.Atoi(ask.Get("limit")) // none: as many as a page has
			page, err := o.Bans.List(ask.Get("who"), ask.Get("cursor"), most)
			if err != nil {
				problem(w, http.StatusUnprocessableEntity, "bans not listed", err)
				return
			}
			sendJSON(w, http.StatusOK, page, o.Log)
		}
	}
}
