package agreement

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// patience is how long a test waits for something that has to happen.
const patience = 60 * time.Second

// entry is a name and a value that an origin has read, and where.
type entry struct{ where, name, value string }

func (e entry) String() string { return fmt.Sprintf("%s %q=%q", e.where, e.name, e.value) }

// UnmarshalJSON reads [where, name, value], the last two in base64.
func (e *entry) UnmarshalJSON(text []byte) error {
	var where string
	var name, value []byte
	if err := json.Unmarshal(text, &[3]any{&where, &name, &value}); err != nil {
		return err
	}
	*e = entry{where, string(name), string(value)}
	return nil
}

// answer is what became of a request.
type answer struct {
	status int
	read   []entry // by the origin, if the status is 200
	text   string  // otherwise
}

// client sends requests to the tier, on a connection that is used again. It belongs to one
// goroutine.
type client struct {
	addr string
	conn net.Conn
	br   *bufio.Reader
}

func (c *client) close() {
	if c.conn != nil {
		_ = c.conn.Close() // it may be closed
		c.conn = nil
	}
}

// ask sends a request. A connection that the tier has closed meanwhile is replaced once.
func (c *client) ask(raw []byte) (answer, error) {
	fresh := c.conn == nil
	a, err := c.try(raw)
	if err != nil && !fresh {
		a, err = c.try(raw)
	}
	return a, err
}

func (c *client) try(raw []byte) (a answer, err error) {
	defer func() {
		if err != nil {
			c.close()
		}
	}()
	if c.conn == nil {
		if c.conn, err = net.DialTimeout("tcp", c.addr, patience); err != nil {
			return answer{}, err
		}
		c.br = bufio.NewReader(c.conn)
	}
	if err := c.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return answer{}, err
	}
	// What refuses a request may answer before it has read it all.
	_, writeErr := c.conn.Write(raw)
	resp, err := http.ReadResponse(c.br, nil)
	if err != nil {
		return answer{}, errors.Join(writeErr, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer{}, err
	}
	if resp.Close || writeErr != nil {
		c.close()
	}
	a.status = resp.StatusCode
	if a.status != http.StatusOK {
		a.text = string(body)
	} else {
		if err := json.Unmarshal(body, &a.read); err != nil {
			return answer{}, fmt.Errorf("report of the origin: %w: %.200q", err, body)
		}
	}
	return a, nil
}
