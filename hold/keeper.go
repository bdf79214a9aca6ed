package hold

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// Keeper holds listening sockets. Its method Serve may be called once.
type Keeper struct {
	patience time.Duration
	log      zerolog.Logger

	mu   sync.Mutex
	held map[string]*held // by address, as who serves it writes it
}

// held is a listening socket.
type held struct {
	file  *os.File // nil: none is known yet
	owner *net.UnixConn
	alone *time.Timer // that lets it go; nil: somebody serves it
}

// NewKeeper returns one that holds a socket, which nobody serves, as long as patience: who waits in its queue
// should not wait for a process that does not come back.
func NewKeeper(patience time.Duration, log zerolog.Logger) *Keeper {
	return &Keeper{patience: patience, log: log, held: map[string]*held{}}
}

// Serve takes part at the Unix socket path until ctx ends. A file that a predecessor has left there is replaced.
func (k *Keeper) Serve(ctx context.Context, path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return errors.Join(err, ln.Close())
	}
	stop := context.AfterFunc(ctx, func() { _ = ln.Close() })
	defer stop()
	defer k.letGo()
	k.log.Info().Str("socket", path).Dur("patience", k.patience).Msg("holding")
	for {
		c, err := ln.AcceptUnix()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("hold: %w", err)
		}
		go func() {
			defer c.Close()
			defer context.AfterFunc(ctx, func() { _ = c.Close() })()
			if err := k.talk(c); err != nil {
				k.log.Warn().Err(err).Msg("holding")
			}
		}()
	}
}

// talk is one connection, from its address to its end.
func (k *Keeper) talk(c *net.UnixConn) error {
	address, err := firstLine(c)
	if err != nil {
		return fmt.Errorf("address: %w", err)
	}
	if err := k.take(c, address); err != nil {
		return err
	}
	for {
		word, file, err := receive(c)
		switch {
		case err != nil:
			k.orphan(c, address)
			return nil
		case word == keep && file != nil:
			k.replace(c, address, file)
		case word == bye:
			k.drop(c, address)
			return nil
		default:
			k.orphan(c, address)
			return fmt.Errorf("no such word: %q", word)
		}
	}
}

// firstLine reads a line byte by byte, for what follows may carry descriptors.
func firstLine(c *net.UnixConn) (string, error) {
	if err := c.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return "", err
	}
	line, err := bufio.NewReaderSize(oneByOne{c}, maxAddress).ReadSlice('\n')
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(string(line)), c.SetReadDeadline(time.Time{})
}

type oneByOne struct{ *net.UnixConn }

func (o oneByOne) Read(p []byte) (int, error) { return o.UnixConn.Read(p[:1]) }

// take makes c the one that serves an address, and gives it the socket.
func (k *Keeper) take(c *net.UnixConn, address string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	h := k.held[address]
	if h == nil {
		h = &held{}
		k.held[address] = h
	}
	h.owner = c
	if h.alone != nil {
		h.alone.Stop()
		h.alone = nil
	}
	if h.file == nil {
		return send(c, none, nil)
	}
	k.log.Info().Str("address", address).Msg("a process takes its predecessor's socket")
	return send(c, has, h.file)
}

func (k *Keeper) replace(c *net.UnixConn, address string, file *os.File) {
	k.mu.Lock()
	defer k.mu.Unlock()
	h := k.held[address]
	if h == nil || h.owner != c {
		_ = file.Close() // somebody else serves the address now
		return
	}
	if h.file != nil {
		_ = h.file.Close()
	}
	h.file = file
}

// drop lets a socket go, if c is who serves it.
func (k *Keeper) drop(c *net.UnixConn, address string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	h := k.held[address]
	if h == nil || h.owner != c {
		return
	}
	if h.file != nil {
		_ = h.file.Close()
	}
	delete(k.held, address)
}

// letGo closes all sockets.
func (k *Keeper) letGo() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for address, h := range k.held {
		if h.file != nil {
			_ = h.file.Close()
		}
		delete(k.held, address)
	}
}

// orphan keeps the socket of a process that ended without a word, for a while.
func (k *Keeper) orphan(c *net.UnixConn, address string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	h := k.held[address]
	if h == nil || h.owner != c || h.file == nil {
		return
	}
	k.log.Warn().Str("address", address).Msg("the process that served is gone, its connections wait for the next one")
	h.alone = time.AfterFunc(k.patience, func() {
		k.log.Error().Str("address", address).Msg("nobody came to serve, connections are refused")
		k.drop(c, address)
	})
}
