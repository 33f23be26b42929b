package config

import (
	"errors"
	"fmt"
	"strings"

	"tandem/sip/flow"
	"tandem/token"
)

// Cluster says how the machines that share a store reach each other. Its name is
// the machine's, node.
type Cluster struct {
	Listen    string       `yaml:"listen,omitempty"`    // address:port of SIP over TLS between machines; default none
	Advertise string       `yaml:"advertise,omitempty"` // host:port where the others reach it; default listen
	Secret    token.Secret `yaml:"secret,omitempty"`    // the same on all machines; default made at the first start and kept in the store, when managed
}

// minClusterSecret is the least length that guessing does not find.
const minClusterSecret = 16

func (c *Config) checkCluster() (errs []error) {
	k := &c.Cluster
	if k.Listen == "" {
		if k.Advertise != "" {
			errs = append(errs, errors.New("cluster.advertise: it needs cluster.listen"))
		}
		return errs
	}
	if err := flow.CheckAddr(k.Listen); err != nil {
		errs = append(errs, fmt.Errorf("cluster.listen: %w", err))
	}
	if k.Advertise != "" {
		if err := flow.CheckAddr(k.Advertise); err != nil {
			errs = append(errs, fmt.Errorf("cluster.advertise: %w", err))
		}
	} else if host, _, _ := strings.Cut(k.Listen, ":"); host == "" || host == "0.0.0.0" || strings.HasPrefix(k.Listen, "[::]") {
		errs = append(errs, errors.New("cluster.advertise: cluster.listen is every address of the machine; say by which one the others reach it"))
	}
	switch n := len(k.Secret.Reveal()); {
	case n == 0 && !c.Managed:
		errs = append(errs, errors.New("cluster.secret: machines know each other by a secret; write the same one on all of them, at least 16 characters"))
	case n > 0 && n < minClusterSecret:
		errs = append(errs, fmt.Errorf("cluster.secret: it has %d characters, and must have at least %d", n, minClusterSecret))
	}
	if !strings.HasPrefix(c.StoreURL(), "postgres") {
		errs = append(errs, errors.New("cluster.listen: several machines need a store that they share; set store to a postgres:// URL"))
	}
	return errs
}
