package endpoints

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	discovery "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"

	"github.com/wafer-waf/wafer/upstream/discover"
)

const (
	listTimeout = 30 * time.Second

	// watchFor is how long a watch is asked for. All watches together end at different times, for up to as much is
	// added.
	watchFor = 5 * time.Minute

	// shortestWait is the time until the API server is asked again after it has failed, which doubles up to longestWait.
	shortestWait = 500 * time.Millisecond
	longestWait  = 30 * time.Second

	// soon is after which time a watch may end that has told nothing: one that ends earlier is a failure.
	soon = time.Second
)

// service watches the slices of one Service.
type service struct {
	client                *rest.RESTClient
	namespace, name, port string
	shortest, soon        time.Duration
}

// String returns what it was asked for by.
func (s *service) String() string { return s.namespace + "/" + s.name + ":" + s.port }

// Watch implements discover.Source. What was found last stays while the API server does not answer.
func (s *service) Watch(ctx context.Context, tell func([]discover.Target, error)) {
	wait := s.shortest
	for {
		began := time.Now()
		err := s.follow(ctx, tell)
		if ctx.Err() != nil {
			return
		}
		if !apierrors.IsResourceExpired(err) && !apierrors.IsGone(err) { // that what is known is too old is no failure
			tell(nil, fmt.Errorf("watch EndpointSlices of service %s/%s: %w", s.namespace, s.name, err))
		}
		if time.Since(began) > longestWait {
			wait = s.shortest
		}
		t := time.NewTimer(wait/2 + rand.N(wait))
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-t.C:
		}
		wait = min(2*wait, longestWait)
	}
}

// follow lists the slices and tells of what they become, until that fails.
func (s *service) follow(ctx context.Context, tell func([]discover.Target, error)) error {
	all, version, err := s.list(ctx)
	if err != nil {
		return err
	}
	tell(s.targets(all))
	for {
		began, before := time.Now(), version
		if version, err = s.watch(ctx, all, version, tell); err != nil {
			return err
		}
		if version == before && time.Since(began) < s.soon { // the server is up, and does not serve
			return errors.New("the watch ended at once")
		}
	}
}

// list reads all slices of the Service, and as of when that is.
func (s *service) list(ctx context.Context) (parts, string, error) {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	var list discovery.EndpointSliceList
	if err := s.ask().Do(ctx).Into(&list); err != nil {
		return nil, "", err
	}
	all := parts{}
	for i := range list.Items {
		all[list.Items[i].Name] = s.read(&list.Items[i])
	}
	return all, list.ResourceVersion, nil
}

// ask is a question about the slices of the Service.
func (s *service) ask() *rest.Request {
	return s.client.Get().Namespace(s.namespace).Resource("endpointslices").Param("labelSelector", discovery.LabelServiceName+"="+s.name)
}

// watch keeps all as events since a version say, and returns the version of the last one. It returns no error if the
// server has ended the watch, which it does after a while.
func (s *service) watch(ctx context.Context, all parts, version string, tell func([]discover.Target, error)) (string, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	seconds := int((watchFor + rand.N(watchFor)) / time.Second)
	w, err := s.ask().Param("watch", "true").Param("resourceVersion", version).Param("allowWatchBookmarks", "true").
		Param("timeoutSeconds", strconv.Itoa(seconds)).Watch(ctx)
	if err != nil {
		return version, err
	}
	defer w.Stop()
	for e := range w.ResultChan() {
		if e.Type == watch.Error {
			return version, apierrors.FromObject(e.Object)
		}
		o, ok := e.Object.(*discovery.EndpointSlice)
		if !ok {
			return version, fmt.Errorf("the server sends a %T", e.Object)
		}
		version = o.ResourceVersion
		switch e.Type {
		case watch.Added, watch.Modified:
			all[o.Name] = s.read(o)
		case watch.Deleted:
			delete(all, o.Name)
		default: // a bookmark has only a version
			continue
		}
		tell(s.targets(all))
	}
	return version, nil
}
