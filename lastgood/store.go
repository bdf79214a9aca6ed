package lastgood

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/rs/zerolog"
	"github.com/wafer-waf/wafer/config"
)

// Store keeps the configuration in force for this process' successors and for its peers.
type Store struct {
	dir   string // empty: nothing is written
	peers *Peers // nil: nobody is asked
	log   zerolog.Logger

	current atomic.Pointer[[]byte] // encoded; nil: there is none
}

// New returns a store that writes to a folder, unless it is empty, and asks peers, unless they are nil.
func New(dir string, peers *Peers, log zerolog.Logger) *Store {
	return &Store{dir: dir, peers: peers, log: log}
}

// fileName is the file's in the folder.
const fileName = "last-good"

// Keep keeps a configuration that has come into force. What cannot be written is told and costs nothing
// else: the process serves, and peers have the same text.
func (s *Store) Keep(b *config.Bundle) {
	data, err := b.Encode()
	if err != nil {
		s.log.Warn().Err(err).Msg("the configuration is not kept as the last good one")
		s.current.Store(nil)
		return
	}
	s.current.Store(&data)
	if s.dir == "" {
		return
	}
	if err := write(s.dir, data); err != nil {
		s.log.Warn().Err(err).Msg("write last good configuration")
	}
}

// write replaces the file, whole or not at all.
func write(dir string, data []byte) (err error) {
	f, err := os.CreateTemp(dir, fileName+"-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), filepath.Join(dir, fileName))
}

// Encoded returns the configuration in force as peers get it; nil if there is none.
func (s *Store) Encoded() []byte {
	if data := s.current.Load(); data != nil {
		return *data
	}
	return nil
}

// Kept yields the configurations that were good, with where each is from: the folder's, which this very pod has
// served, then those of peers, the one that most of them serve first.
func (s *Store) Kept(ctx context.Context) iter.Seq2[string, *config.Bundle] {
	return func(yield func(string, *config.Bundle) bool) {
		if s.dir != "" {
			b, err := read(filepath.Join(s.dir, fileName))
			switch {
			case err == nil:
				if !yield("the folder "+s.dir, b) {
					return
				}
			case !errors.Is(err, fs.ErrNotExist):
				s.log.Warn().Err(err).Str("folder", s.dir).Msg("read last good configuration")
			}
		}
		if s.peers == nil {
			return
		}
		for _, one := range s.peers.candidates(ctx) {
			b, err := s.peers.fetch(ctx, one)
			if err != nil {
				s.log.Warn().Err(err).Stringer("peer", one.Addr).Msg("ask peer for its configuration")
				continue
			}
			if !yield("the peer "+one.name(), b) {
				return
			}
		}
	}
}

func read(path string) (*config.Bundle, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, config.MaxBundle+1))
	if err != nil {
		return nil, err
	}
	return config.DecodeBundle(data)
}
