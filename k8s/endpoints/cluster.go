package endpoints

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	discovery "k8s.io/api/discovery/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/wafer-waf/wafer/upstream/discover"
)

// Cluster is the API of a cluster. Until it is asked for a Service, it is nothing but this value.
type Cluster struct {
	connect func() (*rest.Config, error)

	once   sync.Once
	client *rest.RESTClient
	err    error
}

// New returns the cluster that kubectl would find: by KUBECONFIG or, in a pod, by its service account.
func New() *Cluster {
	return &Cluster{connect: func() (*rest.Config, error) {
		conf, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(clientcmd.NewDefaultClientConfigLoadingRules(), nil).ClientConfig()
		if clientcmd.IsEmptyConfig(err) {
			err = errors.New("no cluster to ask: this is no pod with a service account's token (automountServiceAccountToken), and there is no kubeconfig")
		}
		return conf, err
	}}
}

// Service returns what finds the pods behind a Service, written as namespace/name:port. The port is the name that it
// has in the Service, or the number that the pods listen on.
func (c *Cluster) Service(ref string) (discover.Source, error) {
	namespace, rest, _ := strings.Cut(ref, "/")
	name, port, _ := strings.Cut(rest, ":")
	if namespace == "" || name == "" || port == "" {
		return nil, fmt.Errorf("%q is not namespace/name:port", ref)
	}
	if c.once.Do(c.open); c.err != nil {
		return nil, c.err
	}
	return &service{client: c.client, namespace: namespace, name: name, port: port, shortest: shortestWait, soon: soon}, nil
}

// open makes the client, which connects when it is first asked.
func (c *Cluster) open() {
	conf, err := c.connect()
	if err != nil {
		c.err = err
		return
	}
	types := runtime.NewScheme()
	meta.AddToGroupVersion(types, discovery.SchemeGroupVersion)
	if c.err = discovery.AddToScheme(types); c.err != nil {
		return
	}
	conf = rest.CopyConfig(conf)
	conf.APIPath, conf.GroupVersion = "/apis", &discovery.SchemeGroupVersion
	conf.NegotiatedSerializer = serializer.NewCodecFactory(types).WithoutConversion()
	conf.AcceptContentTypes, conf.ContentType = runtime.ContentTypeProtobuf+","+runtime.ContentTypeJSON, runtime.ContentTypeJSON
	conf.WarningHandler = rest.NoWarnings{} // they would be lines of another format in the log
	conf.QPS = -1                           // there is one question for each Service, and the server has limits of its own
	c.client, c.err = rest.RESTClientFor(conf)
}
